# SPDX-License-Identifier: LGPL-2.1-or-later
"""Kubernetes' API server and controllers for tests, built from Debian's own source.

build.py [FOLDER]   leave kube-apiserver and kube-controller-manager in FOLDER

As root, on Debian 12: seven minutes of one processor, 2.4 GB of disk for a while.
Debian has no newer one than 1.20; a Job was then what it is today.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

BIN = Path("/var/tmp/kci-kubernetes/bin")  # noqa: S108 - built once for this machine
GO = Path("/usr/lib/go-1.19/bin")
PROGRAMS = ["kube-apiserver", "kube-controller-manager"]
PACKAGES = ["golang-1.19-go", "rsync", "make", "dpkg-dev", "etcd-server", "openssl"]
REFLECT = "golang-github-modern-go-reflect2-dev"
"""Kubernetes carries a version of this library that crashes with Go 1.18 and newer."""


def is_built(folder: Path = BIN) -> bool:
    """Return whether both programs are there."""
    return all((folder / program).exists() for program in PROGRAMS)


def build(folder: Path) -> None:
    """Build the programs into a folder."""
    install()
    if is_built(folder):
        return
    work = folder.parent / "build"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    source = unpack(work)
    mend(source, work)
    compile_programs(source, work)
    folder.mkdir(parents=True, exist_ok=True)
    for program in PROGRAMS:
        shutil.move(source / "_output" / "bin" / program, folder / program)
    run(["chmod", "--recursive", "u+w", str(work)], work)  # Go's cache is read-only
    shutil.rmtree(work)


def install() -> None:
    """Install the Debian packages that are missing, without starting their daemons."""
    ask = ["dpkg-query", "-W", "-f", "${Package} ${Status}\n", *PACKAGES]
    listed = subprocess.run(ask, capture_output=True, text=True).stdout
    missing = [name for name in PACKAGES if f"{name} install ok" not in listed]
    if missing:
        env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
        options = ["--yes", "--quiet=2", "--no-install-recommends"]
        run(["apt-get", "update", "--quiet=2"], Path("/"))
        run(["apt-get", "install", *options, *missing], Path("/"), env)


def unpack(work: Path) -> Path:
    """Fetch and unpack the source package, with package lists in `work`."""
    for name in ("lists/partial", "archives/partial", "sources.list.d"):
        (work / "apt" / name).mkdir(parents=True)
    sources = work / "apt" / "sources.list.d" / "source.list"
    sources.write_text("".join(_source_lines()))
    options = [
        f"Dir::State::lists={work}/apt/lists",
        f"Dir::Etc::sourcelist={sources}",
        "Dir::Etc::sourceparts=-",
        "APT::Sandbox::User=root",
    ]
    apt = ["apt-get", "--quiet=2", *(f"--option={option}" for option in options)]
    run([*apt, "update"], work)
    run([*apt, "--download-only", "source", "kubernetes"], work)
    described = next(work.glob("kubernetes_*.dsc"))
    run(["dpkg-source", "--extract", described.name, "source"], work)
    return work / "source"


def _source_lines() -> list[str]:
    """Return apt lines for the sources of the mirror that the machine uses."""
    targets = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE) $(COMPONENT)"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    lines = {tuple(line.split()) for line in targets.splitlines()}
    debian = [line for line in lines if line[1:] == ("bookworm", "main")]
    if not debian:
        raise SystemExit("no apt source of Debian bookworm main: add one")
    return [f"deb-src {' '.join(line)}\n" for line in debian]


def mend(source: Path, work: Path) -> None:
    """Replace the vendored reflect2, which crashes, by Debian's newer one."""
    run(["apt-get", "--quiet=2", "download", REFLECT], work)
    package = next(work.glob(f"{REFLECT}_*.deb"))
    run(["dpkg-deb", "--extract", package.name, "reflect"], work)
    vendored = source / "vendor" / "github.com" / "modern-go" / "reflect2"
    newer = work / "reflect/usr/share/gocode/src/github.com/modern-go/reflect2"
    for old in (*vendored.glob("*.go"), *vendored.glob("*.s")):
        old.unlink()
    for new in (*newer.glob("*.go"), *newer.glob("*.s")):
        if not new.name.endswith("_test.go"):
            shutil.copy(new, vendored)


def compile_programs(source: Path, work: Path) -> None:
    """Build the programs by Kubernetes' own makefile."""
    place = source / ".go" / "src" / "k8s.io"
    place.mkdir(parents=True, exist_ok=True)
    if not (place / "kubernetes").is_symlink():
        (place / "kubernetes").symlink_to(source)
    env = {
        "PATH": f"{GO}:{os.environ['PATH']}",
        "HOME": str(work),
        "GOPATH": str(source / ".go"),
        "GOCACHE": str(work / "cache"),
        "GO111MODULE": "auto",
        "CGO_ENABLED": "0",
    }
    targets = " ".join(f"cmd/{program}" for program in PROGRAMS)
    run(["nice", "make", f"WHAT={targets}", "GOLDFLAGS=-s -w"], source, env)


def run(command: list[str], folder: Path, env: Mapping[str, str] | None = None) -> None:
    """Run a command in a folder, and show its output."""
    subprocess.run(command, cwd=folder, env=env, check=True)


if __name__ == "__main__":
    build(Path(sys.argv[1]) if len(sys.argv) > 1 else BIN)

# SPDX-License-Identifier: LGPL-2.1-or-later
"""A real kernel's sources in a git repository: Debian's linux-source package."""

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from kci_fakes.lab.images import NoImages, scratch_folder
from kci_fakes.repository import Repository

PACKAGE = "linux-source"
LEFT_OUT = ("Documentation/[!K]*", "arch/*/boot/dts", "drivers/gpu/drm/amd/include")
"""Large folders that no build for x86 reads."""
SEED = "seed"
NEEDED = ("gcc", "make", "flex", "bison", "bc", "ccache", "bwrap")


class MissingTools(Exception):
    """A kernel cannot be built here; the message says what to install."""


def check_tools() -> None:
    """Raise `MissingTools` unless a kernel can be built here."""
    if missing := [tool for tool in NEEDED if shutil.which(tool) is None]:
        raise MissingTools(
            f"not installed: {', '.join(missing)}; run scripts/bootstrap"
        )


def linux_repository(cache: Path, say: Callable[[str], None]) -> Repository:
    """Return the repository, on its branch `seed`; make it if it does not exist."""
    repository = Repository(cache / "linux")
    if not repository.folder.exists():
        with scratch_folder(cache) as folder:
            made = Repository.make(folder / "linux")
            say("downloading Debian's linux-source (140 MB)")
            package = _download(folder)
            say("unpacking it")
            _unpack(package, made.folder)
            say("committing it")
            _commit(made)
            made.folder.rename(repository.folder)
    repository.git("checkout", "--quiet", "--force", "--detach", SEED)
    return repository


def _download(folder: Path) -> Path:
    """Download the package with the newest sources."""
    output = _run(["apt-cache", "depends", PACKAGE], folder)
    newest = re.search(r"Depends: (linux-source-\S+)", output)
    if newest is None:
        raise NoImages(f"no package in apt: {PACKAGE}; run `apt-get update` as root")
    _run(["apt-get", "download", "-q", newest[1]], folder)
    [package] = folder.glob("*.deb")
    return package


def _unpack(package: Path, target: Path) -> None:
    without = " ".join(f"--exclude='*/{pattern}'" for pattern in LEFT_OUT)
    pipe = (
        f"dpkg-deb --fsys-tarfile {package}"
        " | tar -xO --wildcards './usr/src/linux-source-*.tar.xz'"
        f" | tar -xJ --strip-components=1 {without} -C {target}"
    )
    _run(["bash", "-euo", "pipefail", "-c", pipe], target)


def _commit(repository: Repository) -> None:
    """Commit the sources, tagged as their release; fast rather than small."""
    for setting in ("core.looseCompression=1", "pack.compression=1", "pack.window=0"):
        repository.git("config", *setting.split("="))
    makefile = (repository.folder / "Makefile").read_text()
    numbers = re.findall(r"^(?:VERSION|PATCHLEVEL|SUBLEVEL) = (\d+)", makefile, re.M)
    release = "v" + ".".join(numbers)
    repository.commit(f"Linux {release[1:]}")
    repository.git("tag", "-a", release, "-m", f"Linux {release[1:]}")
    repository.git("branch", SEED)


def _run(command: list[str], folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        raise NoImages(f"`{command[0]}` failed:\n{done.stderr.strip()[-1000:]}")
    return done.stdout

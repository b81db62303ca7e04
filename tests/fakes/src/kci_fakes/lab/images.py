# SPDX-License-Identifier: LGPL-2.1-or-later
"""Something real to boot: Debian's cloud kernel, and a busybox system in memory."""

import gzip
import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

KERNEL = "linux-image-cloud-amd64"
ROOTFS = Path(__file__).with_name("rootfs")
MOUNT_POINTS = ["proc", "sys", "dev", "tmp", "root"]


class NoImages(Exception):
    """The images cannot be made; the message says what is missing."""


@dataclass(frozen=True)
class Images:
    """Files that QEMU boots, and how the kernel was configured."""

    kernel: Path
    config: Path
    ramdisk: Path
    release: str
    """What `uname -r` prints."""


def make_images(folder: Path) -> Images:
    """Make the images in `folder` unless they exist; raises `NoImages`."""
    folder.mkdir(parents=True, exist_ok=True)
    release = folder / "kernel.release"
    if not release.exists():
        _fetch_kernel(folder)
    ramdisk = folder / "rootfs.cpio.gz"
    if not ramdisk.exists():
        with scratch_folder(folder) as scratch:
            _pack(_lay_out(scratch / "root"), scratch / "part").rename(ramdisk)
    return Images(
        kernel=folder / "vmlinuz",
        config=folder / "config",
        ramdisk=ramdisk,
        release=release.read_text().strip(),
    )


@contextmanager
def scratch_folder(folder: Path) -> Iterator[Path]:
    """Yield a temporary folder on the same file system as `folder`."""
    with tempfile.TemporaryDirectory(dir=folder, prefix=".part-") as name:
        path = Path(name)
        path.chmod(0o755)  # apt downloads as a user of its own
        yield path


def _fetch_kernel(folder: Path) -> None:
    with scratch_folder(folder) as scratch:
        _run(["apt-get", "download", "-q", _kernel_package()], scratch)
        [package] = scratch.glob("*.deb")
        for path in _unpack(package, ("vmlinuz", "config")):
            kind, _, release = path.name.partition("-")
            path.rename(folder / kind)
        part = scratch / "release"
        part.write_text(f"{release}\n")
        part.rename(folder / "kernel.release")  # last: it marks the images as complete


def _kernel_package() -> str:
    """Ask apt which package the newest cloud kernel is in."""
    output = _run(["apt-cache", "depends", KERNEL]).decode()
    for line in output.splitlines():
        if line.strip().startswith("Depends: linux-image-"):
            return line.split()[-1]
    raise NoImages(f"no package in apt: {KERNEL}; run `apt-get update` as root")


def _unpack(package: Path, kinds: tuple[str, ...]) -> list[Path]:
    """Take files of /boot out of a Debian package, without its 100 MB of modules."""
    content = package.with_suffix(".tar")
    with content.open("wb") as tar:
        subprocess.run(["dpkg-deb", "--fsys-tarfile", package], stdout=tar, check=True)
    prefixes = tuple(f"./boot/{kind}-" for kind in kinds)
    files: list[Path] = []
    with tarfile.open(content) as archive:
        for member in archive:
            if member.name.startswith(prefixes) and (
                file := archive.extractfile(member)
            ):
                files.append(package.with_name(Path(member.name).name))
                files[-1].write_bytes(file.read())
    return files


def _lay_out(root: Path) -> Path:
    """Put the ramdisk's files into a folder, with reproducible modes and times."""
    shutil.copytree(ROOTFS, root)
    for name in MOUNT_POINTS:
        (root / name).mkdir()
    (root / "bin").mkdir()
    shutil.copyfile(_busybox(), root / "bin" / "busybox")
    for path in root.rglob("*"):
        path.chmod(0o755)  # a checkout's and a wheel's modes differ
        os.utime(path, (0, 0))
    root.chmod(0o755)
    os.utime(root, (0, 0))
    return root


def _busybox() -> str:
    path = shutil.which("busybox")
    # a dynamic program names its loader in its first page
    if path is None or b"/ld-linux" in Path(path).read_bytes()[:4096]:
        raise NoImages("no static busybox: run `apt-get install busybox-static`")
    return path


def _pack(root: Path, target: Path) -> Path:
    """Write a folder as a compressed cpio archive; return the archive."""
    paths = [root, *sorted(root.rglob("*"))]
    names = "\n".join(str(path.relative_to(root)) for path in paths)
    cpio = ["cpio", "-o", "-H", "newc", "--quiet", "--reproducible", "-R", "+0:+0"]
    target.write_bytes(gzip.compress(_run(cpio, root, names.encode()), mtime=0))
    return target


def _run(
    command: list[str], folder: Path | None = None, stdin: bytes | None = None
) -> bytes:
    """Return the output of a command; raise `NoImages` if it fails."""
    try:
        done = subprocess.run(
            command, cwd=folder, input=stdin, capture_output=True, check=True
        )
    except FileNotFoundError:
        raise NoImages(f"not installed: {command[0]}; install it") from None
    except subprocess.CalledProcessError as error:
        output = error.stderr.decode(errors="replace").strip()
        raise NoImages(
            f"`{' '.join(command)}` failed: check the network, and run"
            f" `apt-get update`\n{output}"
        ) from None
    return done.stdout

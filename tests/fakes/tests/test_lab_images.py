# SPDX-License-Identifier: LGPL-2.1-or-later

import hashlib
import shutil
from pathlib import Path

import pytest

from kci_fakes.lab.images import NoImages, make_images


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that has its kernel already: to fetch one takes a network."""
    for name in ("vmlinuz", "config"):
        (tmp_path / name).touch()
    (tmp_path / "kernel.release").write_text("6.1.0-56-cloud-amd64\n")
    return tmp_path


@pytest.mark.skipif(not shutil.which("cpio"), reason="no cpio here")
def test_the_ramdisk_is_the_same_whenever_and_wherever_it_is_made(folder: Path) -> None:
    ramdisk = make_images(folder).ramdisk
    first = hashlib.sha256(ramdisk.read_bytes()).hexdigest()
    ramdisk.unlink()
    assert hashlib.sha256(make_images(folder).ramdisk.read_bytes()).hexdigest() == first
    assert sorted(path.name for path in folder.iterdir()) == [
        "config",
        "kernel.release",
        "rootfs.cpio.gz",
        "vmlinuz",
    ]


def test_what_is_there_is_not_made_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "rootfs.cpio.gz").touch()
    monkeypatch.setenv("PATH", "")
    assert make_images(folder).release == "6.1.0-56-cloud-amd64"


def program(folder: Path, name: str, script: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def test_without_package_lists_the_error_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path, "apt-cache", "exit 0")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NoImages, match="run `apt-get update` as root"):
        make_images(tmp_path / "images")


def test_a_download_that_fails_is_told_in_apts_own_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path, "apt-cache", "echo '  Depends: linux-image-6.1.0-56-cloud'")
    program(tmp_path, "apt-get", "echo 'E: Failed to fetch' >&2; exit 100")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NoImages, match=r"(?s)network.*E: Failed to fetch"):
        make_images(tmp_path / "images")
    assert list((tmp_path / "images").iterdir()) == []

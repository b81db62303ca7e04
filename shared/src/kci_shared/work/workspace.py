# SPDX-License-Identifier: LGPL-2.1-or-later
"""Folders of running jobs, which tell after a crash what was left behind.

Each life of a bridge has a folder of its own, locked as long as the process lives: a
folder that nobody locks is of a life that ended by force.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self


class Workspace:
    """The folders of this life's runs."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._left: set[Path] = set()

    @classmethod
    @contextmanager
    def open(cls, root: Path) -> Iterator[Self]:
        """Begin a life below `root`; its folder goes when it ends."""
        root.mkdir(parents=True, exist_ok=True)
        with _locked(root):  # nobody may take the new folder for a dead one's
            folder = Path(tempfile.mkdtemp(prefix="life-", dir=root.resolve()))
            life = _lock(folder, fcntl.LOCK_EX)
        workspace = cls(folder)
        try:
            yield workspace
        finally:
            if not workspace._left:
                shutil.rmtree(folder, ignore_errors=True)
            os.close(life)

    @contextmanager
    def run(self, job: str) -> Iterator[Path]:
        """Make an empty folder for one run of a job, and remove it afterwards."""
        folder = Path(tempfile.mkdtemp(prefix=f"{job}-", dir=self._folder))
        try:
            yield folder
        finally:
            if folder not in self._left:
                shutil.rmtree(folder, ignore_errors=True)

    def leave(self, folder: Path) -> None:
        """Keep the folder of a run for the next life, as if this one were killed."""
        self._left.add(folder)


def left_behind(root: Path) -> list[Path]:
    """List the folders of lives below `root` that ended by force."""
    if not root.exists():
        return []
    with _locked(root):
        return [folder for folder in root.glob("life-*") if not _is_alive(folder)]


def _is_alive(folder: Path) -> bool:
    try:
        os.close(_lock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB))
    except BlockingIOError:
        return True
    except FileNotFoundError:
        pass  # it ended this very moment
    return False


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    descriptor = _lock(folder, fcntl.LOCK_EX)
    try:
        yield
    finally:
        os.close(descriptor)


def _lock(folder: Path, operation: int) -> int:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, operation)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor

# SPDX-License-Identifier: LGPL-2.1-or-later
"""Folders of running jobs; after a crash they show what was left behind.

Each process of a bridge has a folder of its own, which it locks: a folder without a
lock belongs to a process that was killed.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, Self


class RunName(NamedTuple):
    """What the name of a run's folder says: whose run it is."""

    node_id: str
    attempt: int

    @classmethod
    def parse(cls, name: str) -> Self | None:
        """Read the name of a folder, such as 65f0…-2-x7_k2mqa; None for others."""
        node_id, _, attempt = name.rpartition("-")[0].rpartition("-")
        return cls(node_id, int(attempt)) if attempt.isdigit() else None


class Workspace:
    """The folders of this process's runs."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._left: set[Path] = set()

    @classmethod
    @contextmanager
    def open(cls, root: Path) -> Iterator[Self]:
        """Make a folder for this process below `root`; remove it at the end."""
        root.mkdir(parents=True, exist_ok=True)
        with _locked(root):  # others must not see the new folder unlocked
            folder = Path(tempfile.mkdtemp(prefix="life-", dir=root.resolve()))
            lock = _lock(folder, fcntl.LOCK_EX)
        workspace = cls(folder)
        try:
            yield workspace
        finally:
            if not workspace._left:
                shutil.rmtree(folder, ignore_errors=True)
            os.close(lock)

    @contextmanager
    def run(self, node_id: str, attempt: int) -> Iterator[Path]:
        """Make an empty folder for one run of a job, and remove it afterwards."""
        prefix = f"{node_id}-{attempt}-"  # as `RunName` reads it
        folder = Path(tempfile.mkdtemp(prefix=prefix, dir=self._folder))
        try:
            yield folder
        finally:
            if folder not in self._left:
                shutil.rmtree(folder, ignore_errors=True)

    def leave(self, folder: Path) -> None:
        """Keep the folder of a run for the next process, as if this one were killed."""
        self._left.add(folder)


def left_behind(root: Path) -> list[Path]:
    """List the folders below `root` whose processes were killed."""
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
        pass  # it ended just now
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

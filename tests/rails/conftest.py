# SPDX-License-Identifier: LGPL-2.1-or-later
"""A copy of the project with an environment of its own, clean for each test."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
PERSON = ["-c", "user.name=Dev Eloper", "-c", "user.email=dev@example.org"]
CACHES = (".tools", ".mypy_cache")
"""What is copied though git ignores it: a tool, and what saves minutes."""


@dataclass(frozen=True)
class Run:
    """How a command ended, and all that it printed."""

    status: int
    output: str


@dataclass(frozen=True)
class House:
    """The copy: what a test breaks, and the commands that see it."""

    folder: Path

    def run(self, *command: str) -> Run:
        """Run a command in the copy."""
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=_environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return Run(done.returncode, done.stdout)

    def must(self, *command: str) -> str:
        """Run a command that has to succeed; return what it printed."""
        ran = self.run(*command)
        assert ran.status == 0, ran.output
        return ran.output

    def install(self) -> None:
        """Install what the lock names into the copy's environment, and nothing else."""
        self.must(".tools/bin/uv", "sync", "--quiet", "--frozen", "--all-packages")

    def tool(self, name: str) -> str:
        """Return the path of a program in the copy's environment."""
        return str(self.folder / ".venv" / "bin" / name)

    def write(self, name: str, text: str) -> None:
        """Write a file, with the folders above it."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def append(self, name: str, text: str) -> None:
        """Add to the end of a file."""
        path = self.folder / name
        path.write_text(path.read_text() + text)

    def replace(self, name: str, old: str, new: str) -> None:
        """Replace the only place where a text stands in a file."""
        path = self.folder / name
        text = path.read_text()
        assert text.count(old) == 1, (name, old)
        path.write_text(text.replace(old, new))

    def changed(self) -> set[str]:
        """Name the files that differ from what was committed, and new folders."""
        status = self.must("git", "status", "--porcelain", "--untracked-files=normal")
        return {line[3:] for line in status.splitlines()}


def _environment() -> dict[str, str]:
    """Return our environment without what is meant for this very run."""
    ours = ("COV", "GIT_", "KCI_", "MAKE", "MFLAGS", "PYTEST_", "UV_PROJECT", "VIRTUAL")
    return {key: os.environ[key] for key in os.environ if not key.startswith(ours)}


@pytest.fixture(scope="session")
def copy(tmp_path_factory: pytest.TempPathFactory) -> House:
    """A clone of the project as it is on disk, installed."""
    house = House(tmp_path_factory.mktemp("house") / "kci")
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=PROJECT, capture_output=True, check=True)
    for name in names.stdout.decode().strip("\0").split("\0"):
        if (PROJECT / name).exists():
            (house.folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(PROJECT / name, house.folder / name)
    for name in CACHES:
        if (PROJECT / name).exists():
            shutil.copytree(PROJECT / name, house.folder / name, symlinks=True)
    house.must("git", "init", "--quiet", "--initial-branch=main")
    house.must("git", "add", "--all")
    house.must("git", *PERSON, "commit", "--quiet", "--message=as it is")
    house.install()
    return house


@pytest.fixture
def house(copy: House) -> Iterator[House]:
    """The copy, as it was committed."""
    yield copy
    copy.must("git", "reset", "--quiet", "--hard")
    kept = [f"--exclude={name}" for name in (*CACHES, ".venv")]
    copy.must("git", "clean", "--quiet", "--force", "-d", "-x", *kept)

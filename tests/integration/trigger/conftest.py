# SPDX-License-Identifier: LGPL-2.1-or-later
"""A git repository that the test makes, and what the trigger makes of it."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

MAKEFILE = "# a kernel\nVERSION = 6\nPATCHLEVEL = 12\nSUBLEVEL = 3\nEXTRAVERSION =\n"


class Repository:
    """A developer's repository; each change is a commit of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        self.git("init", "--quiet", "--initial-branch=master")
        self.write("Makefile", MAKEFILE)
        self.write("init/main.c", "int main(void)\n{\n\treturn 0;\n}\n")

    @property
    def url(self) -> str:
        return self.folder.as_uri()

    def git(self, *arguments: str) -> str:
        person = {
            f"GIT_{who}_{what}": value
            for who in ("AUTHOR", "COMMITTER")
            for what, value in (("NAME", "Dev"), ("EMAIL", "dev@example.org"))
        }
        done = subprocess.run(
            ["git", "-C", str(self.folder), *arguments],
            env={**os.environ, **person},
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout.strip()

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def commit(self, subject: str) -> str:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "-m", f"{subject}\n\nWhy.")
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def make_repository(tmp_path: Path) -> Callable[[str], Repository]:
    return lambda name: Repository(tmp_path / name)


@pytest.fixture
def repository(make_repository: Callable[[str], Repository]) -> Repository:
    return make_repository("linux")

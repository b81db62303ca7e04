# SPDX-License-Identifier: LGPL-2.1-or-later
"""A git repository on this disk, to which tests and the demo push."""

import os
import shutil
import subprocess
from pathlib import Path

STANDIN = Path(__file__).with_name("standin")
PERSON = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "Dev Eloper"), ("EMAIL", "dev@example.org"))
}


class Repository:
    """Sources under git; each change is a commit."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def make(cls, folder: Path) -> "Repository":
        """Make an empty repository, whose first branch is `master`."""
        folder.mkdir(parents=True)
        repository = cls(folder)
        repository.git("init", "--quiet", "--initial-branch=master")
        return repository

    @classmethod
    def standin(cls, folder: Path) -> "Repository":
        """Make a repository of a small C project that builds like a kernel."""
        repository = cls.make(folder)
        shutil.copytree(STANDIN, folder, dirs_exist_ok=True)
        return repository

    @property
    def url(self) -> str:
        """Its address, as the configuration names it."""
        return self.folder.as_uri()

    def git(self, *arguments: str) -> str:
        """Run git here; return its output."""
        done = subprocess.run(
            ["git", "-C", str(self.folder), *arguments],
            env={**os.environ, **PERSON},
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout.strip()

    def write(self, name: str, text: str) -> None:
        """Write a file, with the folders above it."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def commit(self, subject: str) -> str:
        """Commit all changes; return the commit."""
        self.git("add", "--all", "--force")
        self.git("commit", "--quiet", "--allow-empty", "-m", f"{subject}\n\nWhy.")
        return self.git("rev-parse", "HEAD")

    def pack(self, tarball: Path) -> Path:
        """Commit all changes, and pack the sources as a checkout's tarball."""
        self.commit("change")
        form, prefix = "--format=tar.gz", "--prefix=linux-c/"
        self.git("archive", form, prefix, f"--output={tarball}", "HEAD")
        return tarball

    def push(self, subject: str, branch: str) -> str:
        """Commit all changes, and move a branch there in one step."""
        self.git("checkout", "--quiet", "--detach")
        commit = self.commit(subject)
        self.git("update-ref", f"refs/heads/{branch}", commit)
        return commit

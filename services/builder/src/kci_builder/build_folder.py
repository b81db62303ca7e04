# SPDX-License-Identifier: LGPL-2.1-or-later
"""The folder that a build may write, read without trusting what is in it.

A file in it may be a link to anywhere. So each path is resolved and checked before it
is opened, and only after all processes that could change it have ended.
"""

import os
import secrets
import stat
from pathlib import Path

MAX_TEXT_BYTES = 8 << 20


class BuildFolder:
    """A folder whose files were written by the programs of strangers."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()

    def find(self, name: str) -> Path | None:
        """Return a plain file of the folder; None if it is none, or leads outside."""
        try:
            file = (self.path / name).resolve(strict=True)
        except (OSError, RuntimeError):
            return None
        is_plain = stat.S_ISREG(file.lstat().st_mode)
        return file if is_plain and file.is_relative_to(self.path) else None

    def has_folder(self, name: str) -> bool:
        """Return whether such a folder exists inside this one."""
        folder = (self.path / name).resolve()
        return folder.is_dir() and folder.is_relative_to(self.path)

    def text(self, name: str) -> str:
        """Return the first `MAX_TEXT_BYTES` of a file; "" if the file is missing."""
        file = self.find(name)
        if file is None:
            return ""
        with file.open("rb") as content:
            return content.read(MAX_TEXT_BYTES).decode(errors="replace")

    def put(self, text: str) -> str:
        """Write a new file under a name that nobody can guess; return the name."""
        name = f"{secrets.token_hex(8)}.txt"
        flags = os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_WRONLY
        descriptor = os.open(self.path / name, flags, 0o644)
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
        return name

    def take(self, name: str, target: Path) -> Path | None:
        """Move a plain file out of the folder; None if it is missing."""
        file = self.find(name)
        return None if file is None else file.rename(target)

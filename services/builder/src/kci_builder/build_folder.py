# SPDX-License-Identifier: LGPL-2.1-or-later
"""A build's folder, as seen from outside: it was written by strangers.

What lies there may be a link to anywhere, so every path is looked at before it is
opened, and only when nothing that could change it runs any more.
"""

import os
import secrets
import stat
from pathlib import Path

LARGEST_TEXT = 8 << 20


class Box:
    """The folder that a build may write."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()

    def find(self, name: str) -> Path | None:
        """Return a plain file of the box; None if there is none, or it leads out."""
        path = self.folder / name
        try:
            found = path.resolve(strict=True)
        except (OSError, RuntimeError):
            return None
        is_plain = stat.S_ISREG(found.lstat().st_mode)
        return found if is_plain and found.is_relative_to(self.folder) else None

    def has_folder(self, name: str) -> bool:
        """Say whether there is such a folder in the box."""
        found = (self.folder / name).resolve()
        return found.is_dir() and found.is_relative_to(self.folder)

    def text(self, name: str) -> str:
        """Return a file's text, or the beginning of it; nothing if there is no file."""
        found = self.find(name)
        if found is None:
            return ""
        with found.open("rb") as file:
            return file.read(LARGEST_TEXT).decode(errors="replace")

    def put(self, text: str) -> str:
        """Write a new file whose name nobody could know; return the name."""
        name = f"{secrets.token_hex(8)}.txt"
        flags = os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_WRONLY
        descriptor = os.open(self.folder / name, flags, 0o644)
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
        return name

    def take(self, name: str, target: Path) -> Path | None:
        """Move a plain file out of the box; None if there is none."""
        found = self.find(name)
        return None if found is None else found.rename(target)

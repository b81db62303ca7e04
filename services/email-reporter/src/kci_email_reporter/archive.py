# SPDX-License-Identifier: LGPL-2.1-or-later
"""The evidence that a mail was sent: a Maildir in which a copy of each one lands."""

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

HEAD = 64 * 2**10
"""How much of a mail is read to find its headers."""
MESSAGE_ID = re.compile(rb"^message-id:\s*(<[^<>\r\n]+>)", re.IGNORECASE | re.MULTILINE)
END_OF_HEADERS = re.compile(rb"\r?\n\r?\n")


class Archive(Protocol):
    """Whatever can prove that a mail was sent."""

    async def has(self, message_id: str) -> bool:
        """Say whether the mail was sent; raise OSError when that cannot be told."""
        ...


class MaildirArchive:
    """A Maildir; each of its mails is read once only."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: set[str] = set()
        self._ids: set[str] = set()

    async def has(self, message_id: str) -> bool:
        """Say whether a mail of that id, with its angle brackets, is there."""
        if message_id in self._ids:
            return True
        await asyncio.to_thread(self._read_new)
        return message_id in self._ids

    def _read_new(self) -> None:
        # `new` first: mails move from there to `cur`, never back
        for folder in ("new", "cur"):
            for file in (self._folder / folder).iterdir():
                name = file.name.partition(":")[0]  # what stays as flags change
                if name not in self._read:
                    self._ids.update(_ids(file))
                    self._read.add(name)


def _ids(file: Path) -> Iterator[str]:
    try:
        with file.open("rb") as mail:
            head = END_OF_HEADERS.split(mail.read(HEAD), maxsplit=1)[0]
    except FileNotFoundError:
        return  # it has just moved to `cur`, or somebody deleted it
    for found in MESSAGE_ID.findall(head):
        yield found.decode(errors="replace")

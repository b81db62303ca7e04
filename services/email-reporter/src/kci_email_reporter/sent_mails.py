# SPDX-License-Identifier: LGPL-2.1-or-later
"""Looks up sent mails in a Maildir to which the relay copies every mail."""

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

HEAD_BYTES = 64 * 2**10
"""How much of a mail is read to find its headers."""
MESSAGE_ID = re.compile(rb"^message-id:\s*(<[^<>\r\n]+>)", re.IGNORECASE | re.MULTILINE)
END_OF_HEADERS = re.compile(rb"\r?\n\r?\n")


class Archive(Protocol):
    """Knows which mails were sent."""

    async def has(self, message_id: str) -> bool:
        """Return whether the mail was sent; raise OSError if that is unknown."""
        ...


class MaildirArchive:
    """A Maildir, each of whose mails is read only once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: set[str] = set()
        self._ids: set[str] = set()

    async def has(self, message_id: str) -> bool:
        """Return whether a mail has this Message-ID, given with its angle brackets."""
        if message_id in self._ids:
            return True
        await asyncio.to_thread(self._read_new)
        return message_id in self._ids

    def _read_new(self) -> None:
        # `new` first: mails move from there to `cur`, never back
        for folder in ("new", "cur"):
            for file in (self._folder / folder).iterdir():
                name = file.name.partition(":")[
                    0
                ]  # without the flags, which may change
                if name not in self._read:
                    self._ids.update(_ids(file))
                    self._read.add(name)


def _ids(file: Path) -> Iterator[str]:
    try:
        with file.open("rb") as mail:
            head = END_OF_HEADERS.split(mail.read(HEAD_BYTES), maxsplit=1)[0]
    except FileNotFoundError:
        return  # it was moved to `cur` meanwhile, or deleted
    for message_id in MESSAGE_ID.findall(head):
        yield message_id.decode(errors="replace")

# SPDX-License-Identifier: LGPL-2.1-or-later
"""A mail to the letter: one rendering gives the same bytes and the same ids."""

import base64
import hashlib
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.header import Header
from email.utils import format_datetime

from kci_email_reporter.text import clip, one_line, printable

USER_AGENT = "kernelci-email-reporter/1.0"
FOLD = 76
"""Columns of a header's line, where its words allow."""
OCTETS = 998
"""What SMTP allows in one line."""
KEY = 400
"""A key longer than this ends in its own hash."""
VALUE = 200
"""What a header of ours may say."""


@dataclass(frozen=True)
class Letterhead:
    """Who writes, to whom, and where a reader finds more."""

    name: str
    """How the bot is called, such as `KernelCI bot`."""
    address: str
    recipients: tuple[str, ...]
    domain: str
    """The right side of our Message-IDs."""
    node_url: str
    """Where a node is shown, but for its id at the end."""
    contact: str = ""
    """Where the people behind the bot are reached."""
    subject_prefix: str = ""

    def tagged(self, token: str) -> str:
        """Return the bot's address for answers that concern one thing only."""
        local, _, domain = self.address.rpartition("@")
        return f"{local}+{token}@{domain}"

    def link(self, node_id: str) -> str:
        """Tell where a person can look at a node."""
        return f"{self.node_url}{node_id}"


@dataclass(frozen=True)
class Mail:
    """One mail before it is bytes."""

    key: str
    """What makes it this mail and no other: never sent twice."""
    message_id: str
    report_id: str
    """The token in the sender's address, by which an answer finds its report."""
    letterhead: Letterhead
    date: datetime
    subject: str
    about: dict[str, str]
    """What filters look at: `X-Kernelci-*`, without what is empty."""
    body: str
    thread: str = ""
    """Message-ID of the mail that this one answers."""

    def to_bytes(self) -> bytes:
        """Return the mail as it goes over the wire."""
        body = [part for line in self.body.split("\n") for part in _body_line(line)]
        lines = [*self._headers(body), "", *body]
        return "\r\n".join(lines).encode()

    def _headers(self, body: list[str]) -> Iterator[str]:
        head = self.letterhead
        sender = f"{head.name} <{head.tagged(self.report_id)}>"
        plain = all(line.isascii() for line in body)
        fields = {
            "Message-ID": self.message_id,
            "Date": format_datetime(self.date.astimezone(UTC)),
            "From": sender,
            "To": ", ".join(head.recipients),
            "Subject": self.subject,
            "In-Reply-To": self.thread,
            "References": self.thread,
            "Auto-Submitted": "auto-generated",
            "X-Auto-Response-Suppress": "All",
            "User-Agent": USER_AGENT,
            **{f"X-Kernelci-{name}": value for name, value in self.about.items()},
            "Content-Type": 'text/plain; charset="utf-8"',
            "Content-Transfer-Encoding": "7bit" if plain else "8bit",
            "MIME-Version": "1.0",
        }
        return (
            header(name, value) for name, value in fields.items() if one_line(value)
        )


def header(name: str, value: str) -> str:
    """Write one header; whatever the value holds, it stays this one header."""
    said = one_line(value)
    if name.startswith("X-"):
        said = clip(said, VALUE)
    if said.isascii() and "=?" not in said:
        lines = textwrap.wrap(
            said,
            FOLD,
            initial_indent=f"{name}: ",
            subsequent_indent=" ",
            break_long_words=False,
            break_on_hyphens=False,
        )
        return "\r\n".join(lines) or f"{name}:"
    encoded = Header(said, "utf-8", maxlinelen=FOLD, header_name=name)
    return f"{name}: " + encoded.encode(linesep="\r\n")


def _body_line(line: str) -> Iterator[str]:
    """Yield a line in pieces that SMTP takes, none of which begins with a command."""
    rest = printable(line)
    while len(rest.encode()) > OCTETS:
        piece = rest.encode()[:OCTETS].decode(errors="ignore")
        yield piece
        rest = " " + rest[len(piece) :]
    yield rest


def dedup_key(*parts: str) -> str:
    """Name a mail as its reader would: the same name, the same mail."""
    key = "/".join(one_line(part) for part in parts)
    if len(key) <= KEY:
        return key
    return f"{key[:KEY]}/{hashlib.sha256(key.encode()).hexdigest()}"


def message_id(kind: str, key: str, domain: str) -> str:
    """Derive the Message-ID from what the mail is about: the same each time."""
    return f"<kci.{kind}.{hashlib.sha256(key.encode()).hexdigest()[:16]}.1@{domain}>"


def token(prefix: str, node_id: str) -> str:
    """Derive the short name of a node that fits into an address; not a secret."""
    digest = hashlib.sha256(node_id.encode()).digest()
    return f"{prefix}.{base64.b32encode(digest).decode().lower()[:13]}"

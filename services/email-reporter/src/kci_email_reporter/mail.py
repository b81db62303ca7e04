# SPDX-License-Identifier: LGPL-2.1-or-later
"""A mail and its bytes: the same report gives the same bytes and the same ids."""

import base64
import hashlib
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.header import Header
from email.utils import format_datetime

from kci_email_reporter.text import clip, one_line
from kci_shared.text import printable

USER_AGENT = "kernelci-email-reporter/1.0"
SUBJECT_COLUMNS = 110
HEADER_COLUMNS = 76
"""Where header lines are folded; a longer word stays whole."""
LINE_MAX_BYTES = 998
"""Longest line that SMTP allows (RFC 5321, 4.5.3.1.6)."""
KEY_MAX_CHARS = 400
"""A longer key is cut, and ends in its hash."""
FILTER_HEADER_MAX_CHARS = 200


@dataclass(frozen=True)
class Letterhead:
    """Sender, recipients, and where readers find more."""

    name: str
    """The sender's display name, such as `KernelCI bot`."""
    address: str
    recipients: tuple[str, ...]
    domain: str
    """The part of our Message-IDs after the `@`."""
    node_url: str
    """URL of a node's page, without the id at its end."""
    contact: str = ""
    """Address of the people behind the bot."""
    subject_prefix: str = ""

    def reply_address(self, report_id: str) -> str:
        """Return the bot's address for replies to one report."""
        local, _, domain = self.address.rpartition("@")
        return f"{local}+{report_id}@{domain}"

    def link(self, node_id: str) -> str:
        """Return the URL of a node's page."""
        return f"{self.node_url}{node_id}"


@dataclass(frozen=True)
class Mail:
    """A mail, before it is serialized."""

    key: str
    """Identifies the mail: two mails with the same key are one, sent once."""
    message_id: str
    report_id: str
    """The tag in the sender's address, by which a reply is matched to its report."""
    letterhead: Letterhead
    date: datetime
    subject: str
    filter_headers: dict[str, str]
    """Headers for mail filters, without their prefix `X-Kernelci-`."""
    body: str
    in_reply_to: str = ""
    """Message-ID of the mail that this one replies to."""

    def to_bytes(self) -> bytes:
        """Return the mail as SMTP transmits it."""
        body = [part for line in self.body.split("\n") for part in _body_line(line)]
        lines = [*self._headers(body), "", *body]
        return "\r\n".join(lines).encode()

    def _headers(self, body: list[str]) -> Iterator[str]:
        head = self.letterhead
        sender = f"{head.name} <{head.reply_address(self.report_id)}>"
        plain = all(line.isascii() for line in body)
        fields = {
            "Message-ID": self.message_id,
            "Date": format_datetime(self.date.astimezone(UTC)),
            "From": sender,
            "To": ", ".join(head.recipients),
            "Subject": self.subject,
            "In-Reply-To": self.in_reply_to,
            "References": self.in_reply_to,
            "Auto-Submitted": "auto-generated",
            "X-Auto-Response-Suppress": "All",
            "User-Agent": USER_AGENT,
            **{
                f"X-Kernelci-{name}": value
                for name, value in self.filter_headers.items()
            },
            "Content-Type": 'text/plain; charset="utf-8"',
            "Content-Transfer-Encoding": "7bit" if plain else "8bit",
            "MIME-Version": "1.0",
        }
        return (
            header(name, value) for name, value in fields.items() if one_line(value)
        )


def header(name: str, value: str) -> str:
    """Return one folded header; no value can start a second header."""
    text = one_line(value)
    if name.startswith("X-"):
        text = clip(text, FILTER_HEADER_MAX_CHARS)
    if text.isascii() and "=?" not in text:
        lines = textwrap.wrap(
            text,
            HEADER_COLUMNS,
            initial_indent=f"{name}: ",
            subsequent_indent=" ",
            break_long_words=False,
            break_on_hyphens=False,
        )
        return "\r\n".join(lines) or f"{name}:"
    encoded = Header(text, "utf-8", maxlinelen=HEADER_COLUMNS, header_name=name)
    return f"{name}: " + encoded.encode(linesep="\r\n")


def _body_line(line: str) -> Iterator[str]:
    """Yield a line in pieces that SMTP allows; no piece can begin a mail command."""
    rest = printable(line)
    while len(rest.encode()) > LINE_MAX_BYTES:
        piece = rest.encode()[:LINE_MAX_BYTES].decode(errors="ignore")
        yield piece
        rest = " " + rest[len(piece) :]
    yield rest


def dedup_key(*parts: str) -> str:
    """Return the key of a mail, made of what the mail is about."""
    key = "/".join(one_line(part) for part in parts)
    if len(key) <= KEY_MAX_CHARS:
        return key
    return f"{key[:KEY_MAX_CHARS]}/{hashlib.sha256(key.encode()).hexdigest()}"


def message_id(kind: str, key: str, domain: str) -> str:
    """Derive the Message-ID from the mail's key: it is the same each time."""
    return f"<kci.{kind}.{hashlib.sha256(key.encode()).hexdigest()[:16]}.1@{domain}>"


def short_id(prefix: str, node_id: str) -> str:
    """Derive a short id of a node that fits into a mail address; not a secret."""
    digest = hashlib.sha256(node_id.encode()).digest()
    return f"{prefix}.{base64.b32encode(digest).decode().lower()[:13]}"

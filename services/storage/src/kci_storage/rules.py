# SPDX-License-Identifier: LGPL-2.1-or-later
"""What an artifact may be called, and how its bytes are handed to a browser."""

import re
from pathlib import PurePosixPath

from kci_shared.errors import Invalid

SHA256 = re.compile(r"[0-9a-f]{64}")
NAME = re.compile(r"(?!\.+$)[A-Za-z0-9._-]{1,200}")  # no path, no quote, no line end
ONE_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")

TEXT = "text/plain; charset=utf-8"
BYTES = "application/octet-stream"
TEXT_SUFFIXES = {".log", ".txt", ".config", ".eml", ".patch", ".dts", ".yaml"}
TEXT_NAMES = {"config", "_config", ".config"}


def key(sha256: str, name: str) -> str:
    """Return where an artifact is kept; raise `Invalid` when it has no such place."""
    if not SHA256.fullmatch(sha256):
        raise Invalid(
            f"sha256: {sha256[:80]!r} is not a hash; put the content's sha256 into the "
            "path, as 64 lower-case hex digits"
        )
    if not NAME.fullmatch(name):
        raise Invalid(
            f"name: {name[:80]!r} is not a plain file name; use 1 to 200 of A-Z a-z "
            "0-9 . _ -"
        )
    return f"{sha256}/{name}"


def media_type(name: str) -> str:
    """Say what a browser may take the artifact for: text or bytes, never a page."""
    is_text = name in TEXT_NAMES or PurePosixPath(name).suffix in TEXT_SUFFIXES
    return TEXT if is_text else BYTES


def headers(sha256: str, name: str) -> dict[str, str]:
    """Return what every answer says of an artifact, whatever part of it is asked for.

    The content comes from anybody with a token: no browser may guess its type or run
    anything in it. It never changes, so every cache may keep it.
    """
    kind = media_type(name)
    place = "inline" if kind == TEXT else "attachment"
    return {
        "Accept-Ranges": "bytes",
        "Cache-Control": "public, max-age=31536000, immutable",
        "Content-Disposition": f'{place}; filename="{name}"',
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Content-Type": kind,
        "ETag": f'"{sha256}"',
        "X-Content-Type-Options": "nosniff",
    }


def byte_range(asked: str | None, size: int) -> range | None:
    """Return the bytes that a Range header asks for; None = all, empty = none there.

    See RFC 9110, section 14: a header that we do not understand, or one that asks for
    several ranges, is ignored.
    """
    found = ONE_RANGE.fullmatch(asked or "")
    if found is None or not any(found.groups()):
        return None
    first, last = found.groups()
    if not first:
        return range(max(0, size - int(last)), size)
    if last and int(last) < int(first):
        return None
    return range(int(first), min(size, int(last) + 1) if last else size)

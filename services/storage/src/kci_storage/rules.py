# SPDX-License-Identifier: LGPL-2.1-or-later
"""Names of artifacts, and the headers they are served with; pure."""

import re
from pathlib import PurePosixPath

from kci_shared.errors import Invalid
from kci_shared.rules.artifacts import CONFIGS

SHA256 = re.compile(r"[0-9a-f]{64}")
NAME = re.compile(r"(?!\.+$)[A-Za-z0-9._-]{1,200}")  # no path, no quote, no line end
ONE_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")

TEXT = "text/plain; charset=utf-8"
BYTES = "application/octet-stream"
TEXT_SUFFIXES = {".log", ".txt", ".config", ".eml", ".patch", ".dts", ".yaml"}
TEXT_NAMES = {*CONFIGS, ".config"}


def key(sha256: str, name: str) -> str:
    """Return the key of an artifact; `Invalid` for a wrong hash or name."""
    if not SHA256.fullmatch(sha256):
        raise Invalid(
            f"sha256: {sha256[:80]!r} is not a sha256; use the hash of the content, "
            "as 64 lower-case hex digits"
        )
    if not NAME.fullmatch(name):
        raise Invalid(
            f"name: {name[:80]!r} is not a plain file name; use 1 to 200 of A-Z a-z "
            "0-9 . _ -"
        )
    return f"{sha256}/{name}"


def media_type(name: str) -> str:
    """Return the media type: plain text or bytes, never a type that browsers run."""
    is_text = name in TEXT_NAMES or PurePosixPath(name).suffix in TEXT_SUFFIXES
    return TEXT if is_text else BYTES


def headers(sha256: str, name: str) -> dict[str, str]:
    """Return the headers of every answer, whatever range is requested.

    The content is untrusted: browsers may neither guess its type nor run anything in
    it. It never changes, so caches may keep it.
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


def byte_range(header: str | None, size: int) -> range | None:
    """Return the range that a Range header requests; None: all, empty: not satisfiable.

    See RFC 9110, section 14: an unknown header, or one with several ranges, is ignored.
    """
    match = ONE_RANGE.fullmatch(header or "")
    if match is None or not any(match.groups()):
        return None
    first, last = match.groups()
    if not first:
        return range(max(0, size - int(last)), size)
    if last and int(last) < int(first):
        return None
    return range(int(first), min(size, int(last) + 1) if last else size)

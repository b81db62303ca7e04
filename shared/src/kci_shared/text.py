# SPDX-License-Identifier: LGPL-2.1-or-later
"""Text from outside, made fit to be stored and shown: no controls, no secrets; pure."""

import re

_ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[()][A-Z0-9]")
_USERINFO = re.compile(r"(?<=://)[^/\s@]+@")
_CREDENTIALS = re.compile(r"\b(Bearer|Token|Basic)\s+\S+", re.IGNORECASE)


def plain(line: str) -> str:
    """Return a line of a console without colours and control characters."""
    bare = _ESCAPE.sub("", line)
    return "".join(c for c in bare if c.isprintable() or c == "\t")


def redacted(text: str) -> str:
    """Return text as one line, without the passwords and tokens that it may quote."""
    line = plain(" ".join(text.split()))
    return _CREDENTIALS.sub(r"\1 ***", _USERINFO.sub("", line))

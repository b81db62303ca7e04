# SPDX-License-Identifier: LGPL-2.1-or-later
"""Text from outside, made fit to be stored and shown: without controls; pure."""

import re

_ESCAPE = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]{0,256}(?:\x07|\x1b\\)?|[ -/]*[0-~])"
)
"""What a terminal obeys and does not show: colours, titles, cursor moves."""


def plain(line: str) -> str:
    """Return a line of a console without escape sequences and control characters.

    Tabs stay.
    """
    if line.isprintable():
        return line
    if "\x1b" in line:
        line = _ESCAPE.sub("", line)
    if line.replace("\t", " ").isprintable():
        return line
    return "".join(c for c in line if c.isprintable() or c == "\t")


def printable(text: str) -> str:
    """Return text like `plain`, with a blank for each tab, line feed or odd space."""
    if text.isprintable():
        return text
    bare = _ESCAPE.sub("", text)
    return plain("".join(" " if c.isspace() else c for c in bare))


def as_shown(raw: bytes) -> str:
    """Return a line's bytes as a terminal shows them: a carriage return starts anew."""
    text = raw.decode("utf-8", "replace").rstrip("\r\n")
    if "\r" in text:
        text = text.rpartition("\r")[2] or text
    return plain(text)

# SPDX-License-Identifier: LGPL-2.1-or-later
"""Foreign text made fit for a mail: labs and git servers write what they like."""

import re
import textwrap

WIDTH = 72
"""Columns of our own prose."""
COLUMNS = 300
"""Columns of a log line, before it is cut."""
CUT = "..."

TERMINAL = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]{0,256}(?:\x07|\x1b\\)?|[ -/]*[0-~])"
)
"""What a terminal obeys and does not show: colours, titles, cursor moves."""
PROSE = re.compile(r"[\w\[(/ ]")
"""How a line of prose begins: any other sign may be a command or a quotation."""


def printable(text: str) -> str:
    """Drop escape sequences and every character that has no shape."""
    if text.isprintable():
        return text
    return "".join(
        sign if sign.isprintable() else " " if sign.isspace() else ""
        for sign in TERMINAL.sub("", text)
    )


def one_line(text: str) -> str:
    """Make one line of any text, with single spaces."""
    return " ".join(printable(text).split())


def clip(text: str, width: int) -> str:
    """Cut a text that is longer than `width`, after a word if it can be."""
    if len(text) <= width:
        return text
    room = text[: max(width - len(CUT), 0)]
    words = room.rpartition(" ")[0]
    return (words if len(words) > width // 2 else room) + CUT


def word(text: str | None) -> str:
    """Make a name that fits into a sentence; nothing stays nothing."""
    return clip(one_line((text or "")[:4000]), 100)


def log_line(text: str) -> str:
    """Make a line of a log that keeps its columns."""
    return clip(printable(text[:4000].expandtabs()).rstrip(), COLUMNS)


def fold(text: str, hanging: int = 0, indent: int = 0) -> str:
    """Fold prose to lines of `WIDTH`, each with its end; `hanging` indents all but one.

    No line begins with a sign that a mail reader or a bot would take for more than
    prose, such as `#`, `>` or `-- `.
    """
    lines = textwrap.wrap(
        printable(text).strip(),
        WIDTH,
        initial_indent=" " * indent,
        subsequent_indent=" " * max(hanging, indent),
        break_on_hyphens=False,
    )
    return "".join(f"{line}\n" if PROSE.match(line) else f" {line}\n" for line in lines)

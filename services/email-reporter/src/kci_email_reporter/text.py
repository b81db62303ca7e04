# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes untrusted text, such as logs and branch names, safe to put into a mail."""

import re
import textwrap

from kci_shared.text import printable

PROSE_COLUMNS = 72
LOG_COLUMNS = 300
"""Where a log line is cut."""
NAME_COLUMNS = 100
"""Where a name is cut."""
READ_MAX_CHARS = 4000
"""How much of a longer text is read at all."""
ELLIPSIS = "..."

PROSE = re.compile(r"[\w\[(/ ]")
"""First character of a line of prose; others may mark a command or a quotation."""


def one_line(text: str) -> str:
    """Return text as one line, with single spaces."""
    return " ".join(printable(text).split())


def clip(text: str, width: int) -> str:
    """Shorten text to `width` columns, after a word if possible."""
    if len(text) <= width:
        return text
    room = text[: max(width - len(ELLIPSIS), 0)]
    words = room.rpartition(" ")[0]
    return (words if len(words) > width // 2 else room) + ELLIPSIS


def inline(text: str | None) -> str:
    """Return a name as it fits into a sentence; empty for None."""
    return clip(one_line((text or "")[:READ_MAX_CHARS]), NAME_COLUMNS)


def log_line(text: str) -> str:
    """Return a line of a log, with its columns aligned as in the log."""
    return clip(printable(text[:READ_MAX_CHARS].expandtabs()).rstrip(), LOG_COLUMNS)


def fold(text: str, hanging: int = 0, indent: int = 0) -> str:
    """Fold prose to lines of `PROSE_COLUMNS`, each with its newline.

    `indent` indents all lines, `hanging` all but the first. No line begins with what a
    mail reader or a bot would take for markup, such as `#`, `>` or `-- `.
    """
    lines = textwrap.wrap(
        printable(text).strip(),
        PROSE_COLUMNS,
        initial_indent=" " * indent,
        subsequent_indent=" " * max(hanging, indent),
        break_on_hyphens=False,
    )
    return "".join(f"{line}\n" if PROSE.match(line) else f" {line}\n" for line in lines)

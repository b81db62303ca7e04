# SPDX-License-Identifier: LGPL-2.1-or-later
"""Findings of the log parser, as they are stored in a node's `data`."""

from pydantic import BaseModel


class Finding(BaseModel):
    """One fault or warning in a log, of a kernel or of a build."""

    kind: str
    """As in the log parser's README: panic, oops, kasan, ..."""
    severity: str
    """See `Severity`: a fault fails the run, a warning leaves its result as it is."""
    headline: str
    """The line that names the fault, without time stamp and prefixes."""
    line: int
    """Number of the headline's line in the log, from 1."""
    count: int = 1
    """How often it is in the log."""
    excerpt: list[str] = []
    """The headline's line and those after it, short enough for a mail."""
    signature: str
    """Equal for the same fault in any run, on any board, at any address."""
    location: str | None = None
    """Where in the sources, as in the log: `mm/slub.c:305`, `a.c:12:3`."""
    function: str | None = None
    """The function that seems to be at fault, from the stack or the error."""
    trace: list[str] = []
    """The stack, innermost function first, without the code that prints reports."""
    last_line: int | None = None
    """Number of the report's last line."""
    first_byte: int | None = None
    """Offset of the headline's line in the log, in bytes from 0."""
    end_byte: int | None = None
    """Offset of the end of the report's last line, in bytes from 0."""
    url: str | None = None
    """The log at the headline: its URL with `#L` and the line."""

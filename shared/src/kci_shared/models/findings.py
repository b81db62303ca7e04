# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the log parser writes on a node."""

from pydantic import BaseModel


class Finding(BaseModel):
    """One fault that a log shows: of a kernel, or of a build."""

    kind: str
    """As in the log parser's README: panic, oops, kasan, ..."""
    severity: str
    """See `Severity`: a fault fails the run, a warning leaves its result as it is."""
    headline: str
    """The line that names the fault, without time stamps and prefixes."""
    line: int
    """Number of the headline's line in the log, from 1."""
    count: int = 1
    """How often the log shows it."""
    excerpt: list[str] = []
    """The headline's line and what follows, cut to what a mail can carry."""
    signature: str
    """The same for the same fault, whatever the run, the board and the address."""
    location: str | None = None
    """Where in the source, as the log names it: `mm/slub.c:305`, `a.c:12:3`."""
    function: str | None = None
    """The first function of the stack, or of the error, that is to blame."""
    trace: list[str] = []
    """The stack, from where it was printed outwards, without reporting code."""
    last_line: int | None = None
    """Number of the report's last line."""
    first_byte: int | None = None
    """Where the headline's line begins in the log, in bytes from 0."""
    end_byte: int | None = None
    """Where the report's last line ends."""
    url: str | None = None
    """The log at the headline: its URL with `#L` and the line."""

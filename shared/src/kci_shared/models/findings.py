# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the log parser writes on a node."""

from pydantic import BaseModel


class Finding(BaseModel):
    """One fault that a log shows."""

    kind: str
    """As in the log parser's README: panic, oops, kasan, ..."""
    severity: str
    """`fault` is the kernel's verdict; `warning` leaves the result as it is."""
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
    url: str | None = None
    """The log at the headline: its URL with `#L` and the line."""

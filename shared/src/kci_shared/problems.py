# SPDX-License-Identifier: LGPL-2.1-or-later
"""Mistakes in a configuration: where each is, what is wrong, and the remedy."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

SHOWN = 8
"""How many of the known names a remedy lists."""


@dataclass(frozen=True, order=True)
class Location:
    """A line of a file; line 0 means the whole file."""

    file: Path
    line: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else str(self.file)


@dataclass(frozen=True, order=True)
class Problem:
    """One mistake; `what` is a sentence without its full stop."""

    location: Location
    what: str
    remedy: str = ""

    def __str__(self) -> str:
        remedy = f"; {self.remedy}" if self.remedy else ""
        return f"{self.location}: {self.what}{remedy}"


def suggest(wrong: str, known: Iterable[str]) -> str:
    """Return a remedy: the `known` name that may be meant, or all that are known."""
    names = sorted(known)
    if near := difflib.get_close_matches(wrong, names, n=1):
        return f"did you mean '{near[0]}'?"
    if not names:
        return "none are configured"
    more = ", ..." if len(names) > SHOWN else ""
    return f"known: {', '.join(names[:SHOWN])}{more}"

# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is wrong with a configuration: where it stands, and what to do about it."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

SHOWN = 8
"""How many of the known names a remedy lists."""


@dataclass(frozen=True, order=True)
class Place:
    """A line of a file; a line of 0 is all of it."""

    file: Path
    line: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else str(self.file)


@dataclass(frozen=True, order=True)
class Problem:
    """One mistake; `what` is a sentence without its full stop."""

    place: Place
    what: str
    remedy: str = ""

    def __str__(self) -> str:
        remedy = f"; {self.remedy}" if self.remedy else ""
        return f"{self.place}: {self.what}{remedy}"


def suggest(wrong: str, known: Iterable[str]) -> str:
    """Say which of the `known` names may be meant, or which there are."""
    names = sorted(known)
    if near := difflib.get_close_matches(wrong, names, n=1):
        return f"did you mean '{near[0]}'?"
    if not names:
        return "there is none"
    more = ", ..." if len(names) > SHOWN else ""
    return f"known: {', '.join(names[:SHOWN])}{more}"

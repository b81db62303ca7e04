# SPDX-License-Identifier: LGPL-2.1-or-later
"""What KTAP's lines make up: results below results, and levels that are still open."""

from dataclasses import dataclass, field
from typing import NamedTuple

from kci_shared.rules.results.parsed import TestStatus


class At(NamedTuple):
    """Where a line stands."""

    column: int
    line: int
    is_marked: bool
    """It is after `# `, as all that a test of kselftest prints."""


@dataclass(slots=True)
class Case:
    """One result, with those below it."""

    name: str
    status: TestStatus
    line: int
    reason: str | None = None
    cases: list["Case"] = field(default_factory=list)


@dataclass(slots=True)
class Level:
    """Results of the same depth, and what was announced before them."""

    at: At
    name: str | None = None
    is_kselftest: bool = False
    version: str | None = None
    plan: int | None = None
    is_announced: bool = False
    """A version, a plan or a header says that results follow."""
    has_numbers: bool = False
    cases: list[Case] = field(default_factory=list)

    @property
    def column(self) -> int:
        """How far to the right it is."""
        return self.at.column

    @property
    def missing(self) -> int:
        """How many results were promised and did not come."""
        return max((self.plan or 0) - len(self.cases), 0)

    @property
    def takes_unnumbered(self) -> bool:
        """Whether a result may come without a number, and without a dash."""
        is_tap = self.version == "TAP" or (self.version is None and self.plan)
        return bool(is_tap) and not self.has_numbers


def size_of(case: Case) -> int:
    """Return of how many results one is made, with itself, however deep."""
    size, rest = 0, [case]
    while rest:
        one = rest.pop()
        size += 1
        rest += one.cases
    return size

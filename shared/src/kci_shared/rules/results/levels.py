# SPDX-License-Identifier: LGPL-2.1-or-later
"""Results with their subtests, and the levels of results that are still open."""

from dataclasses import dataclass, field
from typing import NamedTuple

from kci_shared.rules.results.parsed import TestStatus


class At(NamedTuple):
    """The place of a line in the output."""

    column: int
    line: int
    is_marked: bool
    """It comes after `# `, as all output of a test of kselftest does."""


@dataclass(slots=True)
class Case:
    """A result with its subtests."""

    name: str
    status: TestStatus
    line: int
    reason: str | None = None
    cases: list["Case"] = field(default_factory=list)


@dataclass(slots=True)
class Level:
    """Results of the same depth, with the lines that announced them."""

    at: At
    name: str | None = None
    is_kselftest: bool = False
    version: str | None = None
    plan: int | None = None
    is_announced: bool = False
    """A version, a plan or a header announced that results follow."""
    has_numbers: bool = False
    cases: list[Case] = field(default_factory=list)

    @property
    def column(self) -> int:
        """How far its lines are indented."""
        return self.at.column

    @property
    def missing(self) -> int:
        """How many results the plan announced that were not printed."""
        return max((self.plan or 0) - len(self.cases), 0)

    @property
    def takes_unnumbered(self) -> bool:
        """Whether results without a number and without a dash are allowed."""
        is_tap = self.version == "TAP" or (self.version is None and self.plan)
        return bool(is_tap) and not self.has_numbers


def size_of(case: Case) -> int:
    """Count a result with all its subtests, however deep."""
    size, rest = 0, [case]
    while rest:
        one = rest.pop()
        size += 1
        rest += one.cases
    return size

# SPDX-License-Identifier: LGPL-2.1-or-later
"""The report of an import: errors, differences, and how much was translated."""

from dataclasses import dataclass, field
from enum import StrEnum


class Category(StrEnum):
    """What a finding is."""

    BROKEN = "broken"
    """An error in the original: an undefined name, or one defined twice."""
    LEFT_OUT = "left out"
    """Valid in the original, but without a counterpart here."""
    CHANGED = "changed"
    """Translated to something slightly different."""


@dataclass
class Report:
    """Findings with their places, and the numbers of pairs translated or dropped."""

    findings: dict[tuple[Category, str], list[str]] = field(default_factory=dict)
    pairs: int = 0
    """Entries of the scheduler times their platforms."""
    pairs_lost: dict[str, int] = field(default_factory=dict)
    """How many of these were dropped, by reason."""

    def add(self, category: Category, what: str, where: str) -> None:
        """Add a finding."""
        self.findings.setdefault((category, what), []).append(where)

    def drop_pairs(self, number: int, reason: str) -> None:
        """Count pairs that are dropped, and why."""
        self.pairs_lost[reason] = self.pairs_lost.get(reason, 0) + number

    @property
    def pairs_kept(self) -> int:
        """How many pairs were translated."""
        return self.pairs - sum(self.pairs_lost.values())

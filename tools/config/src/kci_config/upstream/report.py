# SPDX-License-Identifier: LGPL-2.1-or-later
"""What an import tells: what was wrong, what is different now, and how much came."""

from dataclasses import dataclass, field
from enum import StrEnum


class Sort(StrEnum):
    """What a finding is."""

    BROKEN = "broken"
    """Wrong in the original: a reference that dangles, a name that stands twice."""
    LEFT_OUT = "left out"
    """Right in the original, and there is nothing here to say it with."""
    CHANGED = "changed"
    """Said otherwise here."""


@dataclass
class Report:
    """Findings, each with the places where it was met; and a balance of pairs."""

    findings: dict[tuple[Sort, str], list[str]] = field(default_factory=dict)
    pairs: int = 0
    """Entries of the scheduler times their platforms."""
    pairs_lost: dict[str, int] = field(default_factory=dict)
    """Of these, what did not come over, by reason."""

    def tell(self, sort: Sort, what: str, where: str) -> None:
        """Note a finding."""
        self.findings.setdefault((sort, what), []).append(where)

    def lose(self, number: int, reason: str) -> None:
        """Note pairs that did not come over."""
        self.pairs_lost[reason] = self.pairs_lost.get(reason, 0) + number

    @property
    def pairs_kept(self) -> int:
        """How many pairs came over."""
        return self.pairs - sum(self.pairs_lost.values())

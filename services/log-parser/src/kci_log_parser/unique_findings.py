# SPDX-License-Identifier: LGPL-2.1-or-later
"""The findings of a log: one of each signature, and no more than fit on a node."""

from kci_log_parser.fault_report import Report
from kci_shared.models import Finding

MAX_OF_A_KIND = 10
MAX_OF_A_SEVERITY = 20
"""How many findings are kept; repeats of them are counted."""
MAX_COMPARED = 1000
"""How many reports of a kind without room are compared with those that are kept."""


class Folded:
    """Keeps one finding of each signature, in the order of the log."""

    def __init__(self) -> None:
        self.left_out = 0
        """How many reports had a new signature, but no room."""
        self._kept: dict[str, Finding] = {}
        """By signature."""
        self._refused: dict[tuple[str, str], int] = {}
        """How many had no room, by kind and severity."""

    def floods(self, kind: str, severity: str) -> bool:
        """Return whether there is so much of a kind that more is only counted."""
        if self._refused.get((kind, severity), 0) < MAX_COMPARED:
            return False
        self.left_out += 1
        return True

    def add(self, report: Report) -> None:
        """Keep a report, or count one with the same signature once more."""
        if existing := self._kept.get(report.signature):
            existing.count += 1
            existing.severity = min(existing.severity, report.severity)  # "fault" wins
        elif self._has_room(report):
            self._kept[report.signature] = report.finding()
        else:
            self.left_out += 1
            key = (report.kind, report.severity)
            self._refused[key] = self._refused.get(key, 0) + 1

    def findings(self) -> list[Finding]:
        """Return the findings in the order of the log."""
        return list(self._kept.values())

    def _has_room(self, report: Report) -> bool:
        kept = self._kept.values()
        kinds = [one.kind for one in kept if one.severity == report.severity]
        has_few_of_kind = kinds.count(report.kind) < MAX_OF_A_KIND
        return has_few_of_kind and len(kinds) < MAX_OF_A_SEVERITY

# SPDX-License-Identifier: LGPL-2.1-or-later
"""The findings of a log: one of each, with a count, and no more than fit on a node."""

from kci_log_parser.report import Report
from kci_shared.models import Finding

MAX_OF_A_KIND = 10
MAX_OF_A_SEVERITY = 20
"""How many findings are kept; repeats are counted on."""
MAX_TOO_MANY = 1000
"""How many reports of a kind that has no room are still compared with those kept."""


class Folded:
    """Keeps one finding of each signature, in the order of the log."""

    def __init__(self) -> None:
        self.left_out = 0
        """How many reports were news, and had no room."""
        self._found: dict[str, Finding] = {}
        self._too_many: dict[tuple[str, str], int] = {}

    def floods(self, kind: str, severity: str) -> bool:
        """Say whether there is so much of a kind that more is only counted."""
        if self._too_many.get((kind, severity), 0) < MAX_TOO_MANY:
            return False
        self.left_out += 1
        return True

    def add(self, report: Report) -> None:
        """Keep a report, or count what is known once more."""
        sort = (report.kind, report.severity)
        if known := self._found.get(report.signature):
            known.count += 1
            known.severity = min(known.severity, report.severity)  # "fault" wins
        elif self._has_room(report):
            self._found[report.signature] = report.finding()
        else:
            self.left_out += 1
            self._too_many[sort] = self._too_many.get(sort, 0) + 1

    def findings(self) -> list[Finding]:
        """Return what is kept."""
        return list(self._found.values())

    def _has_room(self, report: Report) -> bool:
        found = self._found.values()
        alike = [each.kind for each in found if each.severity == report.severity]
        few_of_its_kind = alike.count(report.kind) < MAX_OF_A_KIND
        return few_of_its_kind and len(alike) < MAX_OF_A_SEVERITY

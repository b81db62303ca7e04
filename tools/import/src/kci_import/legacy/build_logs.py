# SPDX-License-Identifier: LGPL-2.1-or-later
"""Findings of the legacy build log parser: each line once, with its count; pure."""

from collections import Counter
from typing import TypedDict

from kci_import.legacy.fields import Fields

SEVERITIES = {"errors": "error", "warnings": "warning", "mismatches": "mismatch"}
MAX_LINES = 500
"""How many different lines of one severity a node keeps."""


class LogLine(TypedDict):
    """A line that the log shows `count` times."""

    severity: str
    text: str
    count: int


class BuildLog(TypedDict):
    """The fields of a kbuild's data about its log."""

    log_findings: list[LogLine]
    log_summary: dict[str, int]
    """Number of lines by severity."""


def read_log(document: Fields) -> BuildLog:
    """Return the lines with their counts; the counts in the document may be wrong."""
    lines: list[LogLine] = []
    total: dict[str, int] = {}
    for name, severity in SEVERITIES.items():
        counts = Counter(str(line) for line in document.get(name) or ())
        total[name] = counts.total()
        lines += [
            {"severity": severity, "text": text, "count": count}
            for text, count in counts.most_common(MAX_LINES)
        ]
    return {"log_findings": lines, "log_summary": total}

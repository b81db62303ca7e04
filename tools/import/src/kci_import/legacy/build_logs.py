# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the legacy parser of build logs found, each line once and counted anew."""

from collections import Counter
from typing import Any

SEVERITIES = {"errors": "error", "warnings": "warning", "mismatches": "mismatch"}
MOST = 500
"""How many different lines of one severity a node carries."""


def findings(said: dict[str, Any]) -> dict[str, Any]:
    """Return the lines with their counts; legacy's own counts are wrong at times."""
    found: list[dict[str, Any]] = []
    total: dict[str, int] = {}
    for name, severity in SEVERITIES.items():
        lines = Counter(str(line) for line in said.get(name) or ())
        total[name] = lines.total()
        found += [
            {"severity": severity, "text": text, "count": n}
            for text, n in lines.most_common(MOST)
        ]
    return {"log_findings": found, "log_summary": total}

# SPDX-License-Identifier: LGPL-2.1-or-later
"""The results that a test printed, as outcomes below it; pure."""

from collections.abc import Sequence
from typing import Any

from kci_shared.models import Result
from kci_shared.rules.results import RESULTS, ParsedTest, ResultReader
from kci_shared.work.outcome import TestOutcome

MAX_SUBTESTS = 5000
"""How many results of one output become nodes."""


def subtests_of(
    parent: tuple[str, ...], tests: Sequence[ParsedTest]
) -> list[TestOutcome]:
    """Return an outcome for each result that becomes a node below `parent`."""
    return [_outcome((*parent, *test.path), test) for test in tests[:MAX_SUBTESTS]]


def not_shown(reader: ResultReader, tests: Sequence[ParsedTest]) -> dict[str, int]:
    """Count the results that become no node, by why; empty if all do."""
    left_out = reader.left_out + len(tests[MAX_SUBTESTS:])
    counts = {"left_out": left_out, "missing": reader.missing}
    return {why: count for why, count in counts.items() if count}


def _outcome(path: tuple[str, ...], test: ParsedTest) -> TestOutcome:
    result = RESULTS[test.status]
    has_failed = result in {Result.FAIL, Result.INCOMPLETE}
    return TestOutcome(
        path, result, test.reason if has_failed else None, data=_about(test)
    )


def _about(test: ParsedTest) -> dict[str, Any]:
    if test.measurement is None:
        return {}
    return {"misc": {"measurement": {"value": test.measurement, "unit": test.unit}}}

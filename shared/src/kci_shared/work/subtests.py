# SPDX-License-Identifier: LGPL-2.1-or-later
"""The results that a test printed, as outcomes below it; pure."""

from collections.abc import Iterable
from typing import Any

from kci_shared.models import Result
from kci_shared.rules.results import RESULTS, ParsedTest
from kci_shared.work.outcome import TestOutcome


def subtests_of(
    parent: tuple[str, ...], tests: Iterable[ParsedTest]
) -> list[TestOutcome]:
    """Return an outcome for each result, with all its levels below `parent`."""
    return [_outcome((*parent, *test.path), test) for test in tests]


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

# SPDX-License-Identifier: LGPL-2.1-or-later
"""How several verdicts become one; pure."""

from collections.abc import Iterable

from kci_shared.models import Result

SEVERITY = (Result.FAIL, Result.INCOMPLETE, Result.SKIP, Result.PASS)
"""What outranks what when several verdicts become one."""


def overall(results: Iterable[Result]) -> Result:
    """Return the verdict of a job whose tests ended so; a skipped test does no harm."""
    worst = min(results, key=SEVERITY.index, default=Result.PASS)
    return Result.PASS if worst is Result.SKIP else worst

# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a console says: is the lab or the kernel at fault, and which tests passed.

Everything before the kernel's banner is the lab's fault, everything after it the
kernel's. All functions are pure.
"""

import re
from collections.abc import Iterable

from kci_shared.models import ErrorCode, Result
from kci_shared.rules.results import ParsedTest, ResultReader, TestStatus, outermost
from kci_shared.text import plain
from kci_shared.work import TestOutcome
from kci_shared.work.subtests import not_shown, subtests_of

BANNER = r"Linux version \d"
"""A kernel runs: from here on a failure is its own."""
PANIC = r"Kernel panic - not syncing[^\r\n]*[\r\n]"
"""With the line's end: a console comes in pieces, and a match must not be cut."""
MAX_NAMED = 20
"""How many subtests that failed the message of a test names."""

_PANIC_LINE = re.compile(PANIC.removesuffix(r"[\r\n]"))


def find_panic(text: str) -> str | None:
    """Return what the kernel says as it dies, or None."""
    found = _PANIC_LINE.search(text)
    return plain(found[0]).strip() if found else None


def judge(test: str, status: int, lines: Iterable[str]) -> list[TestOutcome]:
    """Return how a test and its subtests ended, by its exit status and its output.

    A test that exited with 0 fails if a result that it printed does, and is incomplete
    if one could not be carried out. Of nested results the outermost counts.
    """
    reader = ResultReader()
    for line in lines:
        reader.read(line)
    return judge_results(test, status, reader)


def judge_results(test: str, status: int, reader: ResultReader) -> list[TestOutcome]:
    """Return the same by the results that a reader has read of the output."""
    results = reader.finish()
    head = _head(test, status, results, reader)
    return [head, *subtests_of((test,), results)]


def _head(
    test: str, status: int, results: list[ParsedTest], reader: ResultReader
) -> TestOutcome:
    failed = _names(results, TestStatus.FAIL)
    if reader.failed_left_out:
        failed.append(reader.failed_left_out)
    spoiled = _names(results, TestStatus.ERROR)
    about = not_shown(reader, results)
    data = {"misc": {"results": about}} if about else {}
    if failed:
        reason = f"failed: {_listed(failed)}"
    elif status != 0:
        reason = f"exit status {status}"
    elif spoiled:
        reason = f"not carried out: {_listed(spoiled)}"
        return TestOutcome((test,), Result.INCOMPLETE, reason, data=data)
    else:
        return TestOutcome((test,), Result.PASS, data=data)
    return TestOutcome((test,), Result.FAIL, reason, ErrorCode.TEST, data)


def _names(results: list[ParsedTest], status: TestStatus) -> list[str]:
    return ["/".join(one.path) for one in outermost(results) if one.status is status]


def _listed(names: list[str]) -> str:
    more = len(names) - MAX_NAMED
    rest = f" and {more} more" if more > 0 else ""
    return ", ".join(names[:MAX_NAMED]) + rest

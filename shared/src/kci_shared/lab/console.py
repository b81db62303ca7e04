# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a console says: is it the lab or the kernel, and which tests passed.

Everything before the kernel's banner is the lab's trouble, everything after it the
kernel's. All functions are pure.
"""

import re
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from kci_shared.models import ErrorCode, Result
from kci_shared.text import plain
from kci_shared.work import TestOutcome

BANNER = r"Linux version \d"
"""A kernel runs: from here on a failure is its own."""
PANIC = r"Kernel panic - not syncing[^\r\n]*[\r\n]"
"""With the line's end: a console comes in pieces, and a match must not be cut."""

_PANIC_LINE = re.compile(PANIC.removesuffix(r"[\r\n]"))
_TAP = re.compile(r"(not )?ok\b(?: +(\d+))?(?: +(?:- +)?([^\s#].*))?")
_DIRECTIVE = re.compile(r"\s*(?<!\\)#\s*(\w*).*")
_NAME = 200
"""Longest name of a subtest; the API takes 256."""
_MOST = 5000
"""Of one test's subtests that are told one by one; all count for its verdict."""


class Subtest(NamedTuple):
    """One verdict of a test that counts its own parts."""

    name: str
    result: Result


def find_panic(text: str) -> str | None:
    """Return what the kernel says as it dies, or None."""
    found = _PANIC_LINE.search(text)
    return plain(found[0]).strip() if found else None


def subtests(lines: Iterable[str]) -> list[Subtest]:
    """Read the TAP or KTAP verdicts of the outermost level; other lines are ignored.

    A deeper level is indented, and its parent's line sums it up. A name that comes
    again gets a number, so that each subtest is a node of its own.
    """
    found: dict[str, Subtest] = {}
    numbers = Counter[str]()
    for line in lines:
        if subtest := _subtest(plain(line).rstrip()):
            name = subtest.name
            while name in found:
                numbers[subtest.name] += 1
                name = f"{subtest.name}-{numbers[subtest.name] + 1}"
            found[name] = Subtest(name, subtest.result)
    return list(found.values())


def _subtest(line: str) -> Subtest | None:
    match = _TAP.fullmatch(line.partition("#")[0].rstrip()) if "ok" in line else None
    if match is None:
        return None
    failed, number, said = match.groups()
    name = " ".join((said or number or "").split())[:_NAME].strip()
    if not name:
        return None
    directive = _DIRECTIVE.search(line)
    return Subtest(name, _result(failed is not None, directive))


def _result(failed: bool, directive: re.Match[str] | None) -> Result:
    word = directive[1].upper() if directive else ""
    if word.startswith("SKIP") or (failed and word == "TODO"):
        return Result.SKIP
    return Result.FAIL if failed else Result.PASS


def judge(test: str, status: int, lines: Iterable[str]) -> list[TestOutcome]:
    """Tell how a test and its subtests ended, by its exit status and its output."""
    found = subtests(lines)
    parts = [TestOutcome((test, name), result) for name, result in found[:_MOST]]
    failed = [name for name, result in found if result is Result.FAIL]
    if status == 0 and not failed:
        return [TestOutcome((test,), Result.PASS), *parts]
    reason = f"failed: {', '.join(failed)}" if failed else f"exit status {status}"
    return [TestOutcome((test,), Result.FAIL, reason, ErrorCode.TEST), *parts]

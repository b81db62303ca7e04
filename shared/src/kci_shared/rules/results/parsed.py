# SPDX-License-Identifier: LGPL-2.1-or-later
"""One parsed test result, and the names that results have."""

from collections import Counter
from enum import StrEnum
from typing import NamedTuple

from kci_shared.models import Result

MAX_NAME = 200
"""Longest name of a test, and longest reason of a result, in characters."""
MAX_RESULTS = 20_000
"""How many results of each format are kept."""

Path = tuple[str, ...]


class TestStatus(StrEnum):
    """How a test ended."""

    __test__ = False  # pytest shall not collect it

    PASS = "pass"  # noqa: S105 - not a password
    FAIL = "fail"
    SKIP = "skip"
    """It did not run, or nobody expects it to work yet."""
    ERROR = "error"
    """It could not be carried out, so it says nothing about the kernel."""
    CRASH = "crash"
    """It began, and the output ended before its result."""


RESULTS: dict[TestStatus, Result] = {
    TestStatus.PASS: Result.PASS,
    TestStatus.FAIL: Result.FAIL,
    TestStatus.SKIP: Result.SKIP,
    TestStatus.ERROR: Result.INCOMPLETE,
    TestStatus.CRASH: Result.INCOMPLETE,
}
"""The result of the node that a test becomes."""


class Format(StrEnum):
    """What a result was printed as."""

    KTAP = "ktap"
    LAVA = "lava"
    LTP = "ltp"
    JUNIT = "junit"


class ParsedTest(NamedTuple):
    """One result that was printed."""

    path: Path
    """The test's name, below the names of the tests and suites that it is a part of."""
    status: TestStatus
    format: Format
    line: int | None = None
    """Number of its line, from 1."""
    reason: str | None = None
    """What was printed with the result: a directive, a message."""
    measurement: float | None = None
    unit: str | None = None
    subtests: int = 0
    """How many of the tests that follow are below it."""


def short(text: str) -> str:
    """Return a name or a reason with single blanks, cut to `MAX_NAME`."""
    return " ".join(text.split())[:MAX_NAME].rstrip()


class SiblingNames:
    """Tells tests of one name below one parent apart: `a`, `a-2`, `a-3`, ...

    The numbers follow the order of the results, so they are the same in each run.
    """

    def __init__(self) -> None:
        self._taken: set[Path] = set()
        self._repeats = Counter[Path]()

    def claim(self, parent: Path, name: str) -> Path:
        """Return a path that no test has had before."""
        wanted = path = (*parent, name)
        while path in self._taken:
            self._repeats[wanted] += 1
            path = (*parent, f"{name}-{self._repeats[wanted] + 1}")
        self._taken.add(path)
        return path

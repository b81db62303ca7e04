# SPDX-License-Identifier: LGPL-2.1-or-later
"""A test result as it was printed, and what is the same for all formats."""

from collections import Counter
from enum import StrEnum
from typing import NamedTuple

from kci_shared.models import Result

MAX_NAME_CHARS = 200
"""How long the name of a test may be, and the reason of a result."""
MAX_RESULTS = 20_000
"""How many results of each format are kept."""

Path = tuple[str, ...]


class TestStatus(StrEnum):
    """How a test ended."""

    __test__ = False  # pytest shall not collect it

    PASS = "pass"  # noqa: S105 - not a password
    FAIL = "fail"
    SKIP = "skip"
    """It did not run, or is known not to work yet."""
    ERROR = "error"
    """It could not be carried out, so it says nothing about the kernel."""
    CRASH = "crash"
    """It began, but the output ends before its result."""


RESULTS: dict[TestStatus, Result] = {
    TestStatus.PASS: Result.PASS,
    TestStatus.FAIL: Result.FAIL,
    TestStatus.SKIP: Result.SKIP,
    TestStatus.ERROR: Result.INCOMPLETE,
    TestStatus.CRASH: Result.INCOMPLETE,
}
"""The result of the node that is made of a test."""


class Format(StrEnum):
    """The format in which a result was printed."""

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
    """Return a name or a reason with single blanks, cut to `MAX_NAME_CHARS`."""
    return " ".join(text.split())[:MAX_NAME_CHARS].rstrip()


class Kept:
    """Results of one format, as many as there is room for."""

    def __init__(self) -> None:
        self.tests: list[ParsedTest] = []
        self.left_out = 0
        """How many results there was no room for."""
        self.failed_left_out: str | None = None
        """The name of the first of them that failed."""

    def add(self, test: ParsedTest) -> None:
        """Keep a result, or count it."""
        if len(self.tests) < MAX_RESULTS:
            self.tests.append(test)
            return
        self.left_out += 1
        if test.status is TestStatus.FAIL:
            self.failed_left_out = self.failed_left_out or "/".join(test.path)


class SiblingNames:
    """Gives tests with the same name and parent different names: `a`, `a-2`, `a-3`.

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


def with_own_names(tests: list[ParsedTest], names: SiblingNames) -> list[ParsedTest]:
    """Return tests without subtests, each with a path that no other test has."""
    return [
        test._replace(path=names.claim(test.path[:-1], test.path[-1])) for test in tests
    ]

# SPDX-License-Identifier: LGPL-2.1-or-later
"""All that a log contains: findings, warnings, how far it booted, test results."""

import re
from collections.abc import Iterator
from itertools import chain

from pydantic import BaseModel

from kci_log_parser.boot import Boot
from kci_log_parser.scanner import LogScanner
from kci_shared.models import Finding
from kci_shared.rules.results import (
    Format,
    ParsedTest,
    ResultReader,
    TestStatus,
    is_junit,
    read_junit,
)

_NOT_IN_A_NAME = re.compile(r"[^\w.+-]+")


class LoggedTest(BaseModel):
    """One test result in a log."""

    name: str
    """Its path, with dots: `net.tls_sh.send_then_sendfile`."""
    result: TestStatus
    format: Format
    line: int | None = None
    why: str | None = None
    """What was printed with the result: a directive, a message."""
    measurement: float | None = None
    units: str | None = None
    subtests: int = 0
    """How many of the tests that follow are its own."""


class Contents(BaseModel):
    """What `--json` prints."""

    events: list[Finding] = []
    """Faults of kernels and errors of builds."""
    warnings: list[Finding] = []
    """Warnings of a build."""
    boot: Boot = Boot()
    tests: list[LoggedTest] = []
    left_out: dict[str, int] = {}


def read_log(chunks: Iterator[bytes]) -> Contents:
    """Read a log, or a file of JUnit XML."""
    results = ResultReader()
    scanner = LogScanner(results)
    start = next(chunks, b"")
    if is_junit(start):
        kept = read_junit(chain([start], chunks))
        return Contents(tests=_tests(kept.tests), left_out={"tests": kept.left_out})
    scanner.feed(start)
    for chunk in chunks:
        scanner.feed(chunk)
    events, tests = scanner.finish(), results.finish()
    left_out = {"tests": results.left_out, "missing": results.missing}
    return Contents(
        events=events,
        warnings=scanner.warnings,
        boot=scanner.boot,
        tests=_tests(tests),
        left_out=scanner.left_out | left_out,
    )


def _tests(tests: list[ParsedTest]) -> list[LoggedTest]:
    return [
        LoggedTest(
            name=".".join(_slug(name) for name in test.path),
            result=test.status,
            format=test.format,
            line=test.line,
            why=test.reason,
            measurement=test.measurement,
            units=test.unit,
            subtests=test.subtests,
        )
        for test in tests
    ]


def _slug(name: str) -> str:
    """Return a name without blanks, and `a.b` for what kselftest calls `a: b`."""
    if name.isidentifier():
        return name  # as most are
    parts = name.removeprefix("selftests: ").replace(": ", ".")
    return _NOT_IN_A_NAME.sub("_", parts).strip("_.") or "unnamed"

# SPDX-License-Identifier: LGPL-2.1-or-later
"""`kci-logs`: print the findings and test results of a log, as a table or as JSON."""

import argparse
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import BinaryIO

from pydantic import BaseModel
from rich.console import Console
from rich.table import Table
from rich.text import Text

from kci_log_parser.boot import Boot, Phase
from kci_log_parser.scanner import LogScanner
from kci_shared.models import Finding, Severity
from kci_shared.rules.results import (
    Format,
    NotJUnit,
    ParsedTest,
    ResultReader,
    TestStatus,
    is_junit,
    read_junit,
)

CHUNK_BYTES = 1 << 20
COLOURS = {Severity.FAULT: "bold red", Severity.WARNING: "yellow"}
BAD = {TestStatus.FAIL, TestStatus.ERROR, TestStatus.CRASH}
NOT_IN_A_NAME = re.compile(r"[^\w.+-]+")
MAX_TESTS = 40
"""How many tests that failed the table shows."""


class ShownTest(BaseModel):
    """One test of a log."""

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


class Shown(BaseModel):
    """What `--json` prints."""

    events: list[Finding] = []
    """Faults of kernels and errors of builds."""
    warnings: list[Finding] = []
    """Warnings of a build."""
    boot: Boot = Boot()
    tests: list[ShownTest] = []
    left_out: dict[str, int] = {}


def main() -> None:
    """Print the findings of a log."""
    parser = argparse.ArgumentParser(
        "kci-logs", description="Find faults and test results in a log."
    )
    parser.add_argument(
        "log", metavar="FILE", help="the log, or JUnit XML; - for standard input"
    )
    parser.add_argument("--json", action="store_true", help="print JSON for a script")
    arguments = parser.parse_args()
    try:
        shown = _read(arguments.log)
    except (OSError, NotJUnit) as error:
        sys.exit(f"kci-logs: {arguments.log}: {getattr(error, 'strerror', error)}")
    if arguments.json:
        dumped = shown.model_dump(mode="json", exclude_none=True)
        sys.stdout.write(json.dumps(dumped, indent=2) + "\n")
        return
    show(shown, Console())


def _read(name: str) -> Shown:
    if name == "-":
        return read_log(_chunks(sys.stdin.buffer))
    with Path(name).open("rb") as file:
        return read_log(_chunks(file))


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    while chunk := file.read(CHUNK_BYTES):
        yield chunk


def read_log(chunks: Iterator[bytes]) -> Shown:
    """Read a log, or a file of JUnit XML."""
    results = ResultReader()
    scanner = LogScanner(results)
    start = next(chunks, b"")
    if is_junit(start):
        return Shown(tests=_shown(read_junit(chain([start], chunks))))
    scanner.feed(start)
    for chunk in chunks:
        scanner.feed(chunk)
    events, tests = scanner.finish(), results.finish()
    left_out = {"tests": results.left_out, "missing": results.missing}
    return Shown(
        events=events,
        warnings=scanner.warnings,
        boot=scanner.boot,
        tests=_shown(tests),
        left_out=scanner.left_out | left_out,
    )


def _shown(tests: list[ParsedTest]) -> list[ShownTest]:
    return [
        ShownTest(
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
    return NOT_IN_A_NAME.sub("_", parts).strip("_.") or "unnamed"


def show(shown: Shown, console: Console) -> None:
    """Print a table on a terminal, elsewhere one line for each finding."""
    if not console.is_terminal:
        _show_plainly(shown, console)
        return
    found = [*shown.events, *shown.warnings]
    if found:
        console.print(_table(found))
    if bad := [test for test in shown.tests if test.result in BAD]:
        console.print(_tests(bad))
    console.print(Text(_summary(shown), "green" if not found and not bad else ""))


def _show_plainly(shown: Shown, console: Console) -> None:
    lines = [
        f"{found.line}: {found.severity}: {found.kind}: {found.headline}"
        for found in [*shown.events, *shown.warnings]
    ]
    bad = [test for test in shown.tests if test.result in BAD]
    lines += [f"{test.line or 0}: test: {test.result}: {test.name}" for test in bad]
    for line in lines:
        console.out(line, highlight=False)


def _table(findings: list[Finding]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("line", justify="right")
    table.add_column("kind", no_wrap=True)
    table.add_column("times", justify="right")
    table.add_column("headline", overflow="fold")
    table.add_column("where", overflow="fold")
    for found in findings:
        # Text, not str: what a board prints may look like markup of rich
        kind = Text(found.kind, COLOURS[Severity(found.severity)])
        where = Text(found.function or found.location or "", "cyan")
        headline = Text(found.headline)
        table.add_row(str(found.line), kind, str(found.count), headline, where)
    return table


def _tests(bad: list[ShownTest]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("line", justify="right")
    table.add_column("result", no_wrap=True)
    table.add_column("test", overflow="fold")
    table.add_column("why", overflow="fold")
    for test in bad[:MAX_TESTS]:
        result = Text(test.result, "bold red")
        line, why = str(test.line or ""), Text(test.why or "")
        table.add_row(line, result, Text(test.name), why)
    if len(bad) > MAX_TESTS:
        table.add_row("", "", f"and {len(bad) - MAX_TESTS} more", "")
    return table


def _summary(shown: Shown) -> str:
    parts = []
    if not shown.events and not shown.warnings:
        parts.append("Nothing found.")
    if shown.boot.phase not in {Phase.UNKNOWN, Phase.SILENT}:
        parts.append(f"The boot came as far as: {shown.boot.phase}.")
    leaves = Counter(test.result for test in shown.tests if not test.subtests)
    if leaves:
        counts = ", ".join(f"{leaves[one]} {one}" for one in TestStatus if leaves[one])
        parts.append(f"Tests: {counts}.")
    return " ".join(parts)


if __name__ == "__main__":
    main()

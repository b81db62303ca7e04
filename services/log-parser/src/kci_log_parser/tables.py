# SPDX-License-Identifier: LGPL-2.1-or-later
"""The contents of a log as tables for a terminal."""

from collections import Counter

from rich.table import Table
from rich.text import Text

from kci_log_parser.boot import Phase
from kci_log_parser.command_output import Contents, LoggedTest
from kci_shared.models import Finding, Severity
from kci_shared.rules.results import TestStatus

COLOURS = {Severity.FAULT: "bold red", Severity.WARNING: "yellow"}
BAD = {TestStatus.FAIL, TestStatus.ERROR, TestStatus.CRASH}
MAX_TESTS = 40
"""How many tests that failed the table shows."""


def failed(contents: Contents) -> list[LoggedTest]:
    """Return the tests that did not pass, and were not skipped."""
    return [test for test in contents.tests if test.result in BAD]


def finding_table(findings: list[Finding]) -> Table:
    """Return a table of findings."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("line", justify="right")
    table.add_column("kind", no_wrap=True)
    table.add_column("times", justify="right")
    table.add_column("headline", overflow="fold")
    table.add_column("where", overflow="fold")
    for finding in findings:
        # Text, not str: what a board prints may look like markup of rich
        kind = Text(finding.kind, COLOURS[Severity(finding.severity)])
        where = Text(finding.function or finding.location or "", "cyan")
        headline = Text(finding.headline)
        table.add_row(str(finding.line), kind, str(finding.count), headline, where)
    return table


def test_table(tests: list[LoggedTest]) -> Table:
    """Return a table of tests that failed."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("line", justify="right")
    table.add_column("result", no_wrap=True)
    table.add_column("test", overflow="fold")
    table.add_column("why", overflow="fold")
    for test in tests[:MAX_TESTS]:
        result = Text(test.result, "bold red")
        line, why = str(test.line or ""), Text(test.why or "")
        table.add_row(line, result, Text(test.name), why)
    if len(tests) > MAX_TESTS:
        table.add_row("", "", f"and {len(tests) - MAX_TESTS} more", "")
    return table


def summary(contents: Contents) -> str:
    """Return in a sentence or two how far the boot came, and how the tests ended."""
    parts = []
    if not contents.events and not contents.warnings:
        parts.append("Nothing found.")
    if contents.boot.phase not in {Phase.UNKNOWN, Phase.SILENT}:
        parts.append(f"The boot came as far as: {contents.boot.phase}.")
    leaves = Counter(test.result for test in contents.tests if not test.subtests)
    if leaves:
        counts = ", ".join(f"{leaves[one]} {one}" for one in TestStatus if leaves[one])
        parts.append(f"Tests: {counts}.")
    return " ".join(parts)

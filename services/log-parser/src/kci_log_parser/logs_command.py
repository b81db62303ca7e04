# SPDX-License-Identifier: LGPL-2.1-or-later
"""`kci-logs`: print the findings and test results of a log, as a table or as JSON."""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from rich.console import Console
from rich.text import Text

from kci_log_parser.command_output import Contents, read_log
from kci_log_parser.tables import failed, finding_table, summary, test_table
from kci_shared.rules.results import NotJUnit

CHUNK_BYTES = 1 << 20


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
        contents = _read(arguments.log)
    except (OSError, NotJUnit) as error:
        sys.exit(f"kci-logs: {arguments.log}: {getattr(error, 'strerror', error)}")
    if arguments.json:
        dumped = contents.model_dump(mode="json", exclude_none=True)
        sys.stdout.write(json.dumps(dumped, indent=2) + "\n")
        return
    show(contents, Console())


def _read(name: str) -> Contents:
    if name == "-":
        return read_log(_chunks(sys.stdin.buffer))
    with Path(name).open("rb") as file:
        return read_log(_chunks(file))


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    while chunk := file.read(CHUNK_BYTES):
        yield chunk


def show(contents: Contents, console: Console) -> None:
    """Print a table on a terminal, elsewhere one line for each finding."""
    if not console.is_terminal:
        _show_lines(contents, console)
        return
    findings, tests = [*contents.events, *contents.warnings], failed(contents)
    if findings:
        console.print(finding_table(findings))
    if tests:
        console.print(test_table(tests))
    colour = "" if findings or tests else "green"
    console.print(Text(summary(contents), colour))


def _show_lines(contents: Contents, console: Console) -> None:
    lines = [
        f"{finding.line}: {finding.severity}: {finding.kind}: {finding.headline}"
        for finding in [*contents.events, *contents.warnings]
    ]
    lines += [
        f"{test.line or 0}: test: {test.result}: {test.name}"
        for test in failed(contents)
    ]
    for line in lines:
        console.out(line, highlight=False)


if __name__ == "__main__":
    main()

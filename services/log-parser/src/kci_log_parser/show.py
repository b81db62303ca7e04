# SPDX-License-Identifier: LGPL-2.1-or-later
"""`kci-logs`: what a log shows, for a person at a terminal or for a script."""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from kci_log_parser.markers import Severity
from kci_log_parser.scanner import scan
from kci_shared.models import Finding

CHUNK = 1 << 20
COLOURS = {Severity.FAULT: "bold red", Severity.WARNING: "yellow"}


def main() -> None:
    """Print the findings of a log."""
    parser = argparse.ArgumentParser("kci-logs", description="Find what a log shows.")
    parser.add_argument("log", metavar="FILE", help="the log; - for standard input")
    parser.add_argument("--json", action="store_true", help="print JSON for a script")
    arguments = parser.parse_args()
    try:
        findings = _scan(arguments.log)
    except OSError as error:
        sys.exit(f"kci-logs: {arguments.log}: {error.strerror}")
    if arguments.json:
        dumped = [finding.model_dump(exclude={"url"}) for finding in findings]
        sys.stdout.write(json.dumps(dumped, indent=2) + "\n")
        return
    show(findings, Console())


def _scan(name: str) -> list[Finding]:
    if name == "-":
        return scan(_chunks(sys.stdin.buffer))
    with Path(name).open("rb") as file:
        return scan(_chunks(file))


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    while chunk := file.read(CHUNK):
        yield chunk


def show(findings: list[Finding], console: Console) -> None:
    """Print a table on a terminal; elsewhere one line for each finding."""
    if not console.is_terminal:
        for found in findings:
            line = f"{found.line}: {found.severity}: {found.kind}: {found.headline}"
            console.out(line, highlight=False)
        return
    if not findings:
        console.print("Nothing found.")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("line", justify="right")
    table.add_column("kind", no_wrap=True)
    table.add_column("times", justify="right")
    table.add_column("headline", overflow="fold")
    for found in findings:
        # Text, not str: what a board prints is no markup of ours.
        kind = Text(found.kind, COLOURS[Severity(found.severity)])
        table.add_row(str(found.line), kind, str(found.count), Text(found.headline))
    console.print(table)

# SPDX-License-Identifier: LGPL-2.1-or-later
"""What came of an import: a table for the eye, and a line of JSON for each problem."""

import json
from collections import Counter
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from kci_import.checkpoint import State
from kci_shared.models import Fate

HERE = (Fate.CREATED, Fate.CHANGED, Fate.UNCHANGED)
FATES = (*HERE, Fate.ORPHAN, Fate.REFUSED)


def write_problems(state: State, file: Path) -> int:
    """Write a line for each problem; return how many there are."""
    number = 0
    part = file.with_name(f"{file.name}.part")
    part.unlink(missing_ok=True)
    part.touch(mode=0o600)
    with part.open("w") as lines:
        for problem in state.problems():
            lines.write(json.dumps(asdict(problem)) + "\n")
            number += 1
    part.replace(file)
    return number


def show(state: State, file: Path, console: Console) -> None:
    """Write the report, and show its sum."""
    number = write_problems(state, file)
    console.print(_nodes(state))
    if number:
        console.print(_problems(state))
    console.print(f"{number} problems, one a line: {file}")


def _nodes(state: State) -> Table:
    table = Table(title="Nodes", title_justify="left")
    table.add_column("from")
    for fate in FATES:
        table.add_column(fate, justify="right")
    total: Counter[str] = Counter()
    for step, fates in state.tallies().items():
        if not fates.total():
            continue
        table.add_row(step, *(str(fates[fate] or "") for fate in FATES))
        total += fates
    table.add_section()
    table.add_row("all", *(str(total[fate]) for fate in FATES))
    return table


def _problems(state: State) -> Table:
    """Count the problems by what they are about, with one of each as example."""
    counts: Counter[tuple[str, str]] = Counter()
    example: dict[tuple[str, str], str] = {}
    for problem in state.problems():
        sort = (problem.source, problem.field)
        counts[sort] += 1
        example.setdefault(sort, f"{problem.id}: {problem.said}")
    table = Table("from", "field", "times", "such as", title="What did not fit")
    for (source, field), times in counts.most_common(40):
        example_text = example[source, field]
        table.add_row(source, field or "(all)", str(times), example_text[:160])
    return table

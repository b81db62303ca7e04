# SPDX-License-Identifier: LGPL-2.1-or-later
"""Reports an import: tables on the terminal, and a line of JSON for each problem."""

import json
from collections import Counter
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from kci_import.checkpoint import Checkpoint
from kci_shared.models import Fate

PROBLEM_ROWS = 40
EXAMPLE_MAX_CHARS = 160


def write_problems(checkpoint: Checkpoint, file: Path) -> int:
    """Write a line for each problem; return how many there are."""
    number = 0
    part = file.with_name(f"{file.name}.part")
    part.unlink(missing_ok=True)
    part.touch(mode=0o600)
    with part.open("w") as lines:
        for problem in checkpoint.problems():
            lines.write(json.dumps(asdict(problem)) + "\n")
            number += 1
    part.replace(file)
    return number


def show(checkpoint: Checkpoint, file: Path, console: Console) -> None:
    """Write the problems to a file, and print tables of nodes and problems."""
    number = write_problems(checkpoint, file)
    console.print(_nodes(checkpoint))
    if number:
        console.print(_problems(checkpoint))
    console.print(f"{number} problems, one per line: {file}")


def _nodes(checkpoint: Checkpoint) -> Table:
    """Return the number of nodes by step and fate."""
    table = Table(title="Nodes", title_justify="left")
    table.add_column("from")
    for fate in Fate:
        table.add_column(fate, justify="right")
    total: Counter[str] = Counter()
    for step, fates in checkpoint.counts().items():
        if not fates.total():
            continue
        table.add_row(step, *(str(fates[fate] or "") for fate in Fate))
        total += fates
    table.add_section()
    table.add_row("all", *(str(total[fate]) for fate in Fate))
    return table


def _problems(checkpoint: Checkpoint) -> Table:
    """Return the number of problems by source and field, with an example of each."""
    counts: Counter[tuple[str, str]] = Counter()
    examples: dict[tuple[str, str], str] = {}
    for problem in checkpoint.problems():
        topic = (problem.source, problem.field)
        counts[topic] += 1
        examples.setdefault(topic, f"{problem.id}: {problem.message}")
    table = Table("from", "field", "times", "example", title="Problems")
    for topic, times in counts.most_common(PROBLEM_ROWS):
        source, field = topic
        example = examples[topic][:EXAMPLE_MAX_CHARS]
        table.add_row(source, field or "(all)", str(times), example)
    return table

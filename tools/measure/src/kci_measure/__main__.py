# SPDX-License-Identifier: LGPL-2.1-or-later
"""Print the figures; exit 1 if one is over its limit: ``kci-measure``."""

import argparse
import sys
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from kci_measure.report import WORST, measure, table
from kci_measure.sources import Project


def start() -> None:
    """Measure the project in the folder that the command line names."""
    parser = argparse.ArgumentParser("kci-measure", description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=Path())
    parser.add_argument("--all", action="store_true", help="show every offender")
    options = parser.parse_args()
    figures = list(measure(Project(options.folder.absolute())))
    console = Console(soft_wrap=True)
    console.print(table(figures))
    for figure in figures:
        if figure.is_over:
            console.print(f"\n[bold]{figure.name}[/]")
            for offender in figure.worst[: None if options.all else WORST]:
                console.print(f"  {escape(offender)}", highlight=False)
    sys.exit(any(figure.is_over for figure in figures))


if __name__ == "__main__":
    start()

# SPDX-License-Identifier: LGPL-2.1-or-later
"""What was measured, beside the limits."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.table import Table

from kci_measure.annotations import bare_any
from kci_measure.circles import circles
from kci_measure.duplicates import duplicates
from kci_measure.sizes import (
    complexities,
    function_lengths,
    middle,
    module_lengths,
    percentile_99,
)
from kci_measure.sources import Project

WORST = 5
"""How many offenders are shown for each figure."""


@dataclass(frozen=True)
class Figure:
    """One figure, its limit, and what makes it what it is."""

    name: str
    how: str
    """How it is counted."""
    value: float
    limit: float
    worst: Sequence[str] = ()

    @property
    def is_over(self) -> bool:
        """Whether the limit is exceeded."""
        return self.value > self.limit


def measure(project: Project) -> Iterator[Figure]:
    """Measure the project; the limits are those of CONTRIBUTING.md."""
    modules = module_lengths(project.sources)
    functions = function_lengths(project.sources)
    paths = complexities(project)
    lines = "lines, with comments and blank ones"
    whole = "lines from `def` to the end"
    yield Figure("module, median", lines, middle(modules), 80)
    yield Figure("module, longest", lines, *_most(modules, 300))
    yield Figure("function, median", whole, middle(functions), 6)
    most = percentile_99(functions)
    yield Figure("function, 99 of 100", whole, most, 27, _over(functions, 27))
    yield Figure("function, longest", whole, *_most(functions, 45))
    yield Figure(
        "complexity", "paths through a function (ruff C901)", *_most(paths, 12)
    )
    yield _count(
        "duplicates",
        "pairs of files that share 6 lines in a row, tests too",
        duplicates([*project.sources, *project.tests]),
        3,
    )
    yield _count("circles", "of modules, or of packages", circles(project.packages), 0)
    yield _count("bare Any", "in tests and fixtures", bare_any(project.tests), 0)


def _most(
    sized: Sequence[tuple[int, str]], limit: int
) -> tuple[float, float, list[str]]:
    return sized[0][0], limit, _over(sized, limit)


def _over(sized: Sequence[tuple[int, str]], limit: int) -> list[str]:
    return [f"{size} {where}" for size, where in sized if size > limit]


def _count(name: str, how: str, found: Sequence[str], limit: int) -> Figure:
    return Figure(name, how, len(found), limit, found)


def table(figures: Sequence[Figure]) -> Table:
    """Lay the figures out for people."""
    shown = Table("figure", "counted", "value", "limit", box=None)
    for figure in figures:
        colour = "red" if figure.is_over else "green"
        value = f"[{colour}]{figure.value:g}[/]"
        shown.add_row(figure.name, figure.how, value, f"{figure.limit:g}")
    return shown

# SPDX-License-Identifier: LGPL-2.1-or-later
"""How long modules and functions are, and how complex functions are."""

import json
import re
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import median

from kci_measure.sources import Project, Source

RUFF = str(Path(sys.executable).with_name("ruff"))
PATHS = re.compile(r"\((\d+) > 0\)")

Sized = list[tuple[int, str]]
"""Each size with where it was found, the largest first."""


def module_lengths(sources: Sequence[Source]) -> Sized:
    """Count the lines of each module: all of them, with comments and blank ones."""
    return _sorted((len(source.lines), source.name) for source in sources)


def function_lengths(sources: Sequence[Source]) -> Sized:
    """Count the lines of each function: from its `def` to its end, docstring too."""
    return _sorted(
        (
            (function.end_lineno or function.lineno) - function.lineno + 1,
            f"{source.name}:{function.lineno} {function.name}",
        )
        for source in sources
        for function in source.functions
    )


def complexities(project: Project) -> Sized:
    """Count the paths through each function, as ruff's rule C901 does."""
    options = "--select=C901 --config=lint.mccabe.max-complexity=0 --output-format=json"
    command = [RUFF, "check", "--no-cache", "--exit-zero", *options.split()]
    done = subprocess.run(
        [*command, *map(str, project.roots)], capture_output=True, check=True
    )
    return _sorted(
        (
            int(PATHS.findall(found["message"])[0]),
            f"{found['filename']}:{found['location']['row']}",
        )
        for found in json.loads(done.stdout)
    )


def middle(sized: Sized) -> float:
    """Return the median."""
    return median(size for size, _ in sized)


def percentile_99(sized: Sized) -> int:
    """Return the size that 99 of 100 do not exceed."""
    return sized[len(sized) - 1 - int(len(sized) * 0.99)][0]


def _sorted(sized: Iterable[tuple[int, str]]) -> Sized:
    return sorted(sized, reverse=True)

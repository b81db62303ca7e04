# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which rules are not tested: ``python -m kci_measure.coverage var/coverage.json``.

The rules are the modules that `[tool.coverage.run] include` names. Each of them must be
covered to 95 %, lines and branches taken together, as coverage counts them.
"""

import json
import sys
import tomllib
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from kci_measure.sources import Project

LEAST_PERCENT = 95


def uncovered(project: Project, report: dict[str, Any]) -> list[str]:
    """List the rules that are covered too little; one that never ran has 0 %."""
    settings = tomllib.loads((project.folder / "pyproject.toml").read_text())
    patterns: list[str] = settings["tool"]["coverage"]["run"]["include"]
    shares = {
        source.name: _percent(report["files"].get(source.name))
        for source in project.sources
        if source.lines and any(fnmatch(source.name, pattern) for pattern in patterns)
    }
    return [
        f"{percent:5.1f} % {name}"
        for name, percent in sorted(shares.items())
        if percent < LEAST_PERCENT
    ]


def _percent(measured: dict[str, Any] | None) -> float:
    return measured["summary"]["percent_covered"] if measured else 0.0


def main() -> None:
    """Print the rules that are covered too little; exit 1 if there are any."""
    report = json.loads(Path(sys.argv[1]).read_text())
    found = uncovered(Project(Path.cwd()), report)
    if found:
        print(
            f"rules of which less than {LEAST_PERCENT} % is tested:", *found, sep="\n"
        )
    sys.exit(bool(found))


if __name__ == "__main__":
    main()

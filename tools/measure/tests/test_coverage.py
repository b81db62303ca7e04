# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which rules must be tested."""

from pathlib import Path

import pytest

from kci_measure.coverage import uncovered
from kci_measure.sources import Project

RULES = "shared/src/kci_shared/rules/keys.py"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project with one module of rules, and one of something else."""
    settings = '[tool.ruff]\nsrc = ["shared/src"]\n'
    settings += '[tool.coverage.run]\ninclude = ["*/kci_shared/rules/*"]\n'
    (tmp_path / "pyproject.toml").write_text(settings)
    for name in (RULES, "shared/src/kci_shared/client.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x = 1\n")
    return Project(tmp_path)


def covered(percent: float) -> dict[str, dict[str, dict[str, dict[str, float]]]]:
    return {"files": {RULES: {"summary": {"percent_covered": percent}}}}


def test_a_rule_below_the_limit_is_named(project: Project) -> None:
    assert uncovered(project, covered(94.9)) == [f" 94.9 % {RULES}"]
    assert uncovered(project, covered(95)) == []


def test_a_rule_that_never_ran_is_named(project: Project) -> None:
    assert uncovered(project, {"files": {}}) == [f"  0.0 % {RULES}"]

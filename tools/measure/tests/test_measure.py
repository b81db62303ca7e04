# SPDX-License-Identifier: LGPL-2.1-or-later
"""How the figures are counted."""

from pathlib import Path

import pytest

from kci_measure.annotations import bare_any
from kci_measure.circles import circles_of
from kci_measure.duplicates import duplicates
from kci_measure.report import Figure
from kci_measure.sizes import (
    complexities,
    function_lengths,
    middle,
    module_lengths,
    percentile_99,
)
from kci_measure.sources import Project, Source

SIX = "a = 1\nb = 2\nc = 3\nd = 4\ne = 5\nf = 6\n"
BRANCHES = """\
def plain():
    return 1


def choose(number):
    match number:
        case 1:
            return "one"
        case 2:
            return "two"
    return "many" if number else "none"
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project of one package and its tests."""
    settings = '[tool.ruff]\nsrc = ["shared/src", "services/*/src"]\n'
    (tmp_path / "pyproject.toml").write_text(settings)
    for name in ("shared/src/kci_shared", "shared/tests"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "shared/src/kci_shared/__init__.py").write_text("")
    (tmp_path / "shared/src/kci_shared/rules.py").write_text(BRANCHES)
    (tmp_path / "shared/tests/test_rules.py").write_text("")
    return Project(tmp_path)


def test_packages_and_tests_are_found_where_ruff_is_told(project: Project) -> None:
    assert project.packages == ["kci_shared"]
    assert [source.name for source in project.tests] == ["shared/tests/test_rules.py"]


def test_a_module_is_all_its_lines() -> None:
    source = Source("a.py", "# a comment\n\nx = 1\n")
    assert module_lengths([source]) == [(3, "a.py")]


def test_a_function_is_from_its_def_to_its_end() -> None:
    text = '@cache\ndef f(\n    x,\n):\n    """Say."""\n    return x\n'
    assert function_lengths([Source("a.py", text)]) == [(5, "a.py:2 f")]


def test_complexity_counts_each_case_and_branch(project: Project) -> None:
    assert [paths for paths, _ in complexities(project)] == [3, 1]


def test_the_middle_and_the_99th_of_100() -> None:
    sized = [(size, "") for size in range(100, 0, -1)]
    assert middle(sized) == 50.5
    assert percentile_99(sized) == 100


def test_six_equal_lines_in_two_files_are_a_duplicate() -> None:
    one = Source("one.py", "import x\n\n" + SIX)
    other = Source("other.py", "y = 0\n# why\n" + SIX.replace("\n", "\n\n"))
    assert duplicates([one, other]) == ["one.py:3 ~ other.py:3"]


def test_a_longer_run_is_one_duplicate() -> None:
    text = SIX + "g = 7\nh = 8\n"
    assert len(duplicates([Source("one.py", text), Source("other.py", text)])) == 1


def test_five_equal_lines_are_none() -> None:
    five = SIX.partition("f = 6")[0]
    assert duplicates([Source("one.py", five), Source("other.py", five)]) == []


def test_imports_and_punctuation_do_not_count() -> None:
    text = "from a import (\n    b,\n    c,\n    d,\n    e,\n    f,\n)\n" + ")\n" * 9
    assert duplicates([Source("one.py", text), Source("other.py", text)]) == []


def test_modules_that_import_each_other_are_a_circle() -> None:
    arrows = [("k.a", "k.b"), ("k.b", "k.c"), ("k.c", "k.a"), ("k.d", "k.a")]
    [circle] = circles_of(arrows)
    assert set(circle.split(" → ")) == {"k.a", "k.b", "k.c"}


def test_packages_form_a_circle_though_their_modules_do_not() -> None:
    arrows = [("k.a.one", "k.b.one"), ("k.b.two", "k.a.two")]
    [circle] = circles_of(arrows)
    assert set(circle.split(" → ")) == {"k.a", "k.b"}


def test_a_package_that_imports_its_own_modules_is_no_circle() -> None:
    arrows = [("k.a", "k.a.one"), ("k.a.one", "k.b"), ("k.a.two", "k.a.one")]
    assert circles_of(arrows) == []


def test_a_bare_any_is_seen_in_tests_and_fixtures_only() -> None:
    text = """
@pytest.fixture
def world() -> Any: ...
def test_it(world: Any, rows: dict[str, Any]) -> None: ...
def helper(anything: Any) -> Any: ...
"""
    assert bare_any([Source("test_a.py", text)]) == [
        "test_a.py:3 world: result",
        "test_a.py:4 test_it: world",
    ]


def test_a_figure_at_its_limit_is_not_over_it() -> None:
    assert not Figure("duplicates", "", 3, 3).is_over
    assert Figure("duplicates", "", 4, 3).is_over

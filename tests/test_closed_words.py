# SPDX-License-Identifier: LGPL-2.1-or-later
"""A new member of an enum must be noticed by everything that tells members apart.

A dict of members has them all. A `match` names each of them, so that mypy
(`exhaustive-match`) complains of one that is missing; and a choice between several of
them is a `match`.
"""

import ast
import enum
import importlib
import inspect
import pkgutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from kci_measure.sources import Project

PACKAGES = Project(Path(__file__).parents[1]).packages
Members = list[enum.Enum]

PARTIAL = {
    ("kci_fakes.api.tree", "Kind"): "as the API",
    ("kci_log_parser.rules", "Phase"): "phases in which a board may fall silent",
}
"""Tables that leave members out on purpose, by module and enum, and why."""


def modules(packages: list[str]) -> Iterator[ModuleType]:
    for name in packages:
        package = importlib.import_module(name)
        yield package
        for found in pkgutil.walk_packages(package.__path__, f"{name}."):
            if not found.name.endswith("__main__"):
                yield importlib.import_module(found.name)


def member(module: ModuleType, node: ast.expr | None) -> enum.Enum | None:
    """Return the member of an enum that an expression such as `Kind.JOB` names."""
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        kind = getattr(module, node.value.id, None)
        if isinstance(kind, type) and issubclass(kind, enum.Enum):
            return kind.__members__.get(node.attr)
    return None


def present(found: Iterable[enum.Enum | None]) -> Members:
    return [one for one in found if one is not None]  # a member may be an empty text


def tables(module: ModuleType, tree: ast.AST) -> Iterator[Members]:
    """List the keys of each dict that is written with members as its keys."""
    for node in ast.walk(tree):
        keys = node.keys if isinstance(node, ast.Dict) else []
        if members := present(member(module, key) for key in keys):
            yield members


def patterns(module: ModuleType, match: ast.Match) -> Members:
    return present(
        member(module, node.value)
        for case in match.cases
        for node in ast.walk(case.pattern)
        if isinstance(node, ast.MatchValue)
    )


def has_default(match: ast.Match) -> bool:
    """Say whether a `match` ends in a `case _` that does not call `assert_never`."""
    last = match.cases[-1]
    if not isinstance(last.pattern, ast.MatchAs) or last.pattern.pattern is not None:
        return False
    return "assert_never(" not in ast.unparse(last.body[0])


def compared(module: ModuleType, test: ast.expr) -> tuple[str, enum.Enum] | None:
    """Return what `x is Kind.JOB` compares with which member."""
    if isinstance(test, ast.Compare) and isinstance(test.ops[0], ast.Is | ast.Eq):
        found = member(module, test.comparators[0])
        return None if found is None else (ast.unparse(test.left), found)
    return None


def chains(module: ModuleType, tree: ast.AST) -> Iterator[str]:
    """List what is compared with several members by `if` and `elif`."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.If) or len(node.orelse) != 1:
            continue
        first, other = compared(module, node.test), node.orelse[0]
        second = compared(module, other.test) if isinstance(other, ast.If) else None
        if first and second and first[0] == second[0]:
            yield first[0]


def trouble(module: ModuleType) -> Iterator[str]:
    """Say where a new member of an enum would be overlooked in a module."""
    source = inspect.getsource(module) if module.__file__ else ""
    tree = ast.parse(source)
    for keys in tables(module, tree):
        kind = type(keys[0])
        missing = set(kind) - set(keys)
        if missing and (module.__name__, kind.__name__) not in PARTIAL:
            names = ", ".join(sorted(one.name for one in missing))
            yield f"a table of {kind.__name__} has no {names}"
    for node in ast.walk(tree):
        if isinstance(node, ast.Match) and has_default(node):
            for found in patterns(module, node)[:1]:
                yield f"line {node.lineno}: a default for {type(found).__name__}"
    for value in chains(module, tree):
        yield f"several members are compared with {value}: use match"


@pytest.mark.parametrize("package", PACKAGES)
def test_no_member_of_an_enum_would_be_overlooked(package: str) -> None:
    found = {one.__name__: list(trouble(one)) for one in modules([package])}
    assert {name: lines for name, lines in found.items() if lines} == {}


def test_each_exception_is_still_one() -> None:
    packages = sorted({name.partition(".")[0] for name, _ in PARTIAL})
    partial = {
        (module.__name__, type(keys[0]).__name__)
        for module in modules(packages)
        if module.__name__ in {name for name, _ in PARTIAL}
        for keys in tables(module, ast.parse(inspect.getsource(module)))
        if set(keys) != set(type(keys[0]))
    }
    assert partial == set(PARTIAL)


WITH_GAPS = """
from kci_shared.models import Result

TABLE = {Result.PASS: 1, Result.FAIL: 0}


def f(result: Result) -> int:
    if result is Result.PASS:
        return 1
    elif result is Result.FAIL:
        return 0
    match result:
        case Result.PASS:
            return 1
        case _:
            return 0
"""


def test_each_way_to_overlook_a_member_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "with_gaps.py").write_text(WITH_GAPS)
    monkeypatch.syspath_prepend(tmp_path)
    assert list(trouble(importlib.import_module("with_gaps"))) == [
        "a table of Result has no INCOMPLETE, SKIP",
        "line 12: a default for Result",
        "several members are compared with result: use match",
    ]

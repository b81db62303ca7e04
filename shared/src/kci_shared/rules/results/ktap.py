# SPDX-License-Identifier: LGPL-2.1-or-later
"""KTAP, the kernel's Test Anything Protocol: KUnit, kselftest, and plain TAP.

Subtests come first, deeper, and then the test that they belong to. Depth is a matter of
columns: KUnit indents, kselftest puts `# ` before what its tests say.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from kci_shared.rules.results.outcomes import MAX_NAME, Outcome, TestOutcome, slug

MAX_COLUMNS = 100
"""Lines that are deeper are no results."""
MAX_CASES = 20_000
"""How many tests are kept."""

NEST = r"^(?P<nest>(?:[\t ]|#[\t ]+(?!Subtest:|selftests:))*)"
VERSION = re.compile(NEST + r"K?TAP version \d+\s*$")
PLAN = re.compile(NEST + r"1\.\.(?P<plan>\d{1,9})\s*(?:#.*)?$")
HEADER = re.compile(NEST + r"# (?:Subtest: |(?=selftests: ))(?P<name>.+)$")
RESULT = re.compile(
    NEST + r"(?P<said>ok|not ok) (?P<number>\d{1,9})(?P<rest>(?:\s.*)?)$"
)
DIRECTIVE = re.compile(r"(?i)#\s*(SKIP|TODO|XFAIL|TIMEOUT|ERROR)\b:?\s*(.*)$")
WITHOUT = {
    # What a directive makes of `ok` and of `not ok`.
    "SKIP": (Outcome.SKIP, Outcome.SKIP),
    "TODO": (Outcome.PASS, Outcome.SKIP),
    "XFAIL": (Outcome.PASS, Outcome.PASS),
    "TIMEOUT": (Outcome.FAIL, Outcome.FAIL),
    "ERROR": (Outcome.ERROR, Outcome.ERROR),
    "": (Outcome.PASS, Outcome.FAIL),
}


@dataclass(slots=True)
class Case:
    """One result, with those below it."""

    name: str
    result: Outcome
    line: int
    why: str | None = None
    cases: list["Case"] = field(default_factory=list)


@dataclass(slots=True)
class Level:
    """Results of the same depth, and what was said before them."""

    column: int
    line: int
    name: str | None = None
    plan: int | None = None
    versioned: bool = False
    cases: list[Case] = field(default_factory=list)

    @property
    def missing(self) -> int:
        """How many results were promised and did not come."""
        return max((self.plan or 0) - len(self.cases), 0)


class Ktap:
    """Reads the lines that KTAP is made of, wherever they stand."""

    def __init__(self) -> None:
        self.missing = 0
        """How many results were promised and did not come."""
        self.left_out = 0
        self._levels: list[Level] = []
        self._done: list[Case] = []
        self._count = 0

    def hear(self, text: str, line: int) -> None:
        """Read a line without its decorations, but with its indent."""
        if found := RESULT.match(text):
            self._result(found, line)
        elif found := VERSION.match(text):
            level = self._begin(found, line, "versioned")
            if level:
                level.versioned = True
        elif found := PLAN.match(text):
            self._plan(found, line)
        elif found := HEADER.match(text):
            level = self._begin(found, line, "name")
            if level:
                level.name = found["name"].strip()[:MAX_NAME]

    def finish(self) -> list[TestOutcome]:
        """Return all results, each before its subtests."""
        self._close_to(-1)
        found = [outcome for case in self._done for outcome in _flat(case, "")]
        self._done = []
        return found

    def _begin(self, found: re.Match[str], line: int, what: str) -> Level | None:
        """Return the level that a header is of: a new one if it says more than one."""
        column = _column(found["nest"]) + (2 if "# selftests" in found[0] else 0)
        if column > MAX_COLUMNS:
            return None
        top = self._levels[-1] if self._levels else None
        if top and top.column == column and not top.cases and not getattr(top, what):
            return top
        self._close_to(column - 1)
        level = Level(column, line)
        self._levels.append(level)
        return level

    def _plan(self, found: re.Match[str], line: int) -> None:
        plan = int(found["plan"])
        top = self._levels[-1] if self._levels else None
        if top and top.column == _column(found["nest"]) and len(top.cases) == plan:
            top.plan = top.plan or plan  # TAP allows it at the end, too
        elif level := self._begin(found, line, "plan"):
            level.plan = plan

    def _result(self, found: re.Match[str], line: int) -> None:
        column = _column(found["nest"])
        if column > MAX_COLUMNS:
            return
        case = _case(found, line)
        case.cases = self._children(column, case.name)
        if not self._levels or self._levels[-1].column < column:
            self._levels.append(Level(column, line))
        if self._count < MAX_CASES:
            self._count += 1
            self._levels[-1].cases.append(case)
        else:
            self.left_out += 1

    def _children(self, column: int, name: str) -> list[Case]:
        """Close the levels below a result; what they hold is its own, if it may be."""
        while len(self._levels) > 1 and self._levels[-2].column > column:
            self._abandon(self._levels.pop())
        if not self._levels or self._levels[-1].column <= column:
            return []
        level = self._levels[-1]
        if level.name is not None and slug(level.name) != name:
            self._close_to(column)
            return []
        self._levels.pop()
        self.missing += level.missing
        return level.cases

    def _close_to(self, column: int) -> None:
        """Close the levels that are deeper: nothing of them will come any more."""
        while self._levels and self._levels[-1].column > column:
            self._abandon(self._levels.pop())

    def _abandon(self, level: Level) -> None:
        """Keep a level that no result followed: a crash, but for the outermost one."""
        self.missing += level.missing
        above = self._levels[-1].cases if self._levels else self._done
        if level.name is None:
            above.extend(level.cases)
            return
        crash = Case(slug(level.name), Outcome.CRASH, level.line, cases=level.cases)
        above.append(crash)


def _case(found: re.Match[str], line: int) -> Case:
    rest = found["rest"].strip()
    directive = DIRECTIVE.search(rest)
    word = directive[1].upper() if directive else ""
    result = WITHOUT[word][found["said"] != "ok"]
    name, _, why = rest.partition("# ")
    if directive:
        name, why = rest[: directive.start()], f"{word} {directive[2]}".strip()
    name = slug(name.strip().removeprefix("- ")) or found["number"]
    return Case(name, result, line, why.strip()[:MAX_NAME] or None)


def _column(nest: str) -> int:
    return len(nest.expandtabs(4))


def _flat(case: Case, above: str) -> Iterator[TestOutcome]:
    path = f"{above}.{case.name}" if above else case.name
    below = [outcome for child in case.cases for outcome in _flat(child, path)]
    yield TestOutcome(
        name=path,
        result=case.result,
        format="ktap",
        line=case.line,
        why=case.why,
        subtests=len(below),
    )
    yield from below

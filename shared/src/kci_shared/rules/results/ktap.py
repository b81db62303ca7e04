# SPDX-License-Identifier: LGPL-2.1-or-later
r"""KTAP, the kernel's Test Anything Protocol: KUnit, kselftest; and plain TAP.

Subtests stand above the test that they belong to, further to the right: KUnit indents
them, kselftest puts `# ` before them.

A line that begins with `ok` or `not ok` is a result, and not prose, if

- a number follows, as KTAP demands, or ` - ` before a name; or
- it stands in a document that TAP announces (by its version or its plan) and in which
  no result has had a number so far: TAP lets programs leave the numbers out.

Indented results are results only inside a document, or above the result that they
belong to. Those after `# ` are results only if a `# selftests:` header, or a version or
plan after `# `, is above them, or `ok 1 selftests: ...` below; else they are comments.
"""

import re
from collections.abc import Callable, Iterator

from kci_shared.rules.results.directives import describe, status_of
from kci_shared.rules.results.levels import At, Case, Level, size_of
from kci_shared.rules.results.parsed import (
    MAX_RESULTS,
    Format,
    ParsedTest,
    Path,
    SiblingNames,
    TestStatus,
    short,
)

MAX_DEPTH = 16
"""How many levels of results are kept. Deeper ones are left out: each is a part of a
result that is not."""

_NEST = re.compile(r"(?:[\t ]++|#[\t ]++(?!Subtest:|selftests:))*+")
_VERSION = re.compile(r"(K?TAP) version \d+\s*$")
_PLAN = re.compile(r"1\.\.(\d{1,9})\s*(?:#.*)?$")
_HEADER = re.compile(r"# (?:Subtest: |(?P<self>(?=selftests: )))(?P<name>.+)$")
_RESULT = re.compile(
    r"(?P<word>ok|not ok)(?:\s++(?P<number>\d{1,9})(?!\S))?(?P<rest>(?:\s.*)?)$"
)
_KSELFTEST = "selftests: "
_NO_RESULT = "the output ended before its result"


_Reader = Callable[[re.Match[str], At], None]


class Ktap:
    """Reads KTAP line by line; other lines between do not matter."""

    def __init__(self) -> None:
        self.missing = 0
        """How many results were promised and did not come."""
        self.left_out = 0
        """How many results there was no room for."""
        self.failed_left_out: str | None = None
        """The first of them that failed and is a part of no other result."""
        self._levels: list[Level] = []
        self._done: list[Case] = []
        self._count = 0
        self._readers: dict[str, tuple[re.Pattern[str], _Reader]] = {
            "ok": (_RESULT, self._result),
            "no": (_RESULT, self._result),
            "KT": (_VERSION, self._version),
            "TA": (_VERSION, self._version),
            "1.": (_PLAN, self._plan),
            "# ": (_HEADER, self._header),
        }
        """By how a line begins: its form, and what reads it."""

    def read(self, text: str, line: int) -> bool:
        """Read a line without time stamps and colours, but with its indent.

        Return whether it may be KTAP.
        """
        found = _NEST.match(text)
        start = found.end() if found else 0
        reader = self._readers.get(text[start : start + 2])
        if reader is None:
            return False
        form, take = reader
        if match := form.match(text, start):
            nest = text[:start]
            column = len(nest.expandtabs(4)) if "\t" in nest else start
            take(match, At(column, line, "#" in nest))
        return True

    def finish(self, names: SiblingNames) -> list[ParsedTest]:
        """Return all results, each before its subtests."""
        self._close_to(-1)
        done, self._done = self._done, []
        return [test for case in done for test in self._flat(case, (), names)]

    @property
    def _top(self) -> Level | None:
        return self._levels[-1] if self._levels else None

    def _begin(self, at: At) -> Level:
        """Close what is as deep or deeper, and begin a level."""
        self._close_to(at.column - 1)
        self._levels.append(Level(at))
        return self._levels[-1]

    def _version(self, match: re.Match[str], at: At) -> None:
        top = self._top
        if top and top.is_kselftest and (top.column == at.column or not top.cases):
            return  # the test's own, which may stand to the left of its results
        if top and top.column == at.column and not top.cases and top.version is None:
            level = top
        else:
            level = self._begin(at)
        level.version, level.is_announced = match[1], True

    def _plan(self, match: re.Match[str], at: At) -> None:
        self._close_to(at.column)
        plan, top = int(match[1]), self._top
        if top is None or top.column != at.column:
            top = self._begin(at)
        elif top.is_kselftest:  # which runs TAP programs one after the other
            plan += top.plan or 0
        elif len(top.cases) == plan:  # TAP has it at the end, too
            plan = top.plan or plan
        elif top.cases or top.plan is not None:
            top = self._begin(at)
        top.plan, top.is_announced = plan, True

    def _header(self, match: re.Match[str], at: At) -> None:
        is_kselftest = match["self"] is not None
        if is_kselftest:
            at = at._replace(column=at.column + 2, is_marked=True)
        self._close_to(at.column)
        top = self._top
        if top is None or top.column != at.column or top.name is not None:
            level = self._begin(at)
        elif top.cases or top.plan is not None:  # TAP 14: of the level to the right
            level = self._begin(at._replace(column=at.column + 1))
        else:
            level = top
        level.name, level.is_announced = short(match["name"]), True
        level.is_kselftest = is_kselftest

    def _result(self, match: re.Match[str], at: At) -> None:
        said, number = describe(match["rest"]), match["number"]
        name = said.name or number
        if not name or not (
            number or said.has_dash or self._takes_unnumbered(at.column)
        ):
            return
        status = status_of(said.directive, is_ok=match["word"] == "ok")
        case = Case(name, status, at.line, said.reason)
        case.cases = self._children(at.column, name)
        if self._count >= MAX_RESULTS and not case.cases:
            self._leave_out(case, at.column)
            return
        self._count += 1
        top = self._top
        level = top if top and top.column == at.column else self._begin(at)
        level.has_numbers = level.has_numbers or number is not None
        if level.name == name and case.cases:
            level.name = None  # TAP 14: the header was that of this test
        level.cases.append(case)

    def _takes_unnumbered(self, column: int) -> bool:
        left = (lv for lv in reversed(self._levels) if lv.column <= column)
        level = next(left, None)
        return level is not None and level.column == column and level.takes_unnumbered

    def _leave_out(self, case: Case, column: int) -> None:
        self.left_out += 1
        is_outermost = not self._levels or self._levels[0].column >= column
        if is_outermost and case.status is TestStatus.FAIL:
            self.failed_left_out = self.failed_left_out or case.name

    def _children(self, column: int, name: str) -> list[Case]:
        """Close the levels below a result; return what is a part of it."""
        while len(self._levels) > 1 and self._levels[-2].column > column:
            self._abandon(self._levels.pop())
        level = self._top
        if level is None or level.column <= column:
            return []
        if level.name not in (None, name):
            self._close_to(column)
            return []
        self._levels.pop()
        is_owner = not level.at.is_marked or name.startswith(_KSELFTEST)
        if not is_owner and not self._is_sure(level):
            return []
        self.missing += level.missing
        return level.cases

    def _is_sure(self, level: Level) -> bool:
        """Whether what a level holds is results, whatever comes below it."""
        levels = (*self._levels, level)
        if level.at.is_marked:
            return level.is_announced or any(one.is_kselftest for one in levels)
        return not level.column or any(one.is_announced for one in levels)

    def _close_to(self, column: int) -> None:
        """Close the levels further to the right: nothing of them will come any more."""
        while self._levels and self._levels[-1].column > column:
            self._abandon(self._levels.pop())

    def _abandon(self, level: Level) -> None:
        """Keep a level that no result followed; one with a header is a crash."""
        self.missing += level.missing
        above = self._levels[-1].cases if self._levels else self._done
        if level.name is not None:
            crash = Case(level.name, TestStatus.CRASH, level.at.line, _NO_RESULT)
            crash.cases = level.cases
            above.append(crash)
        elif self._is_sure(level):
            above.extend(level.cases)

    def _flat(
        self, case: Case, parent: Path, names: SiblingNames
    ) -> Iterator[ParsedTest]:
        path = names.claim(parent, case.name)
        cases = case.cases if len(path) < MAX_DEPTH else []
        if cases is not case.cases:
            self.left_out += sum(size_of(child) for child in case.cases)
        below = [test for child in cases for test in self._flat(child, path, names)]
        yield ParsedTest(
            path=path,
            status=case.status,
            format=Format.KTAP,
            line=case.line,
            reason=case.reason,
            subtests=len(below),
        )
        yield from below

# SPDX-License-Identifier: LGPL-2.1-or-later
r"""KTAP, the kernel's Test Anything Protocol: KUnit, kselftest; and plain TAP.

Subtests are printed before the test that they belong to, and indented more: KUnit
indents by blanks, kselftest by `# `.

A line that begins with `ok` or `not ok` is a result, and not prose, if

- a number follows, as KTAP requires, or ` - ` before a name; or
- it is in a document that a TAP version or a plan announces, and in which no result
  has had a number so far: in TAP numbers are optional.

Indented results count only in a document, or if the test that they belong to follows.
Results after `# ` count only below a `# selftests:` header, below a version or a plan
after `# `, or if `ok 1 selftests: ...` follows; otherwise they are comments.
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

MAX_RESULT_DEPTH = 16
"""How many levels of results are kept; deeper results are a part of one that is."""

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
    """Reads KTAP line by line; any other lines may come between."""

    def __init__(self) -> None:
        self.missing = 0
        """How many results plans announced that were not printed."""
        self.left_out = 0
        """How many results there was no room for."""
        self.failed_left_out: str | None = None
        """The name of the first of them that failed and is not a part of another."""
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
        """The forms of lines and what reads them, by the first characters."""

    def read(self, text: str, line: int) -> bool:
        """Read a line with its indent, but without time stamps and colours.

        Return whether it is KTAP.
        """
        found = _NEST.match(text)
        start = found.end() if found else 0
        reader = self._readers.get(text[start : start + 2])
        if reader is None:
            return False
        form, take = reader
        match = form.match(text, start)
        if match is None:
            return False
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
        """Close levels that are indented as much or more, and open a new one."""
        self._close_to(at.column - 1)
        self._levels.append(Level(at))
        return self._levels[-1]

    def _version(self, match: re.Match[str], at: At) -> None:
        top = self._top
        if top and top.is_kselftest and (top.column == at.column or not top.cases):
            return  # of the test itself, which may print it without `# `
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
        elif top.is_kselftest:  # a test may run several TAP programs
            plan += top.plan or 0
        elif len(top.cases) == plan:  # TAP allows it at the end, too
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
        elif top.cases or top.plan is not None:  # TAP 14: it names the level below
            level = self._begin(at._replace(column=at.column + 1))
        else:
            level = top
        level.name, level.is_announced = short(match["name"]), True
        level.is_kselftest = is_kselftest

    def _result(self, match: re.Match[str], at: At) -> None:
        rest, number = describe(match["rest"]), match["number"]
        name = rest.name or number
        if not name or not (
            number or rest.has_dash or self._takes_unnumbered(at.column)
        ):
            return
        status = status_of(rest.directive, is_ok=match["word"] == "ok")
        case = Case(name, status, at.line, rest.reason)
        case.cases = self._children(at.column, name)
        if self._count >= MAX_RESULTS and not case.cases:
            self._leave_out(case, at.column)
            return
        self._count += 1
        top = self._top
        level = top if top and top.column == at.column else self._begin(at)
        level.has_numbers = level.has_numbers or number is not None
        if level.name == name and case.cases:
            level.name = None  # TAP 14: the header named this test
        level.cases.append(case)

    def _takes_unnumbered(self, column: int) -> bool:
        outer = (one for one in reversed(self._levels) if one.column <= column)
        level = next(outer, None)
        return level is not None and level.column == column and level.takes_unnumbered

    def _leave_out(self, case: Case, column: int) -> None:
        self.left_out += 1
        is_outermost = not self._levels or self._levels[0].column >= column
        if is_outermost and case.status is TestStatus.FAIL:
            self.failed_left_out = self.failed_left_out or case.name

    def _children(self, column: int, name: str) -> list[Case]:
        """Close the levels below a result; return its subtests."""
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
        """Return whether the lines of a level are results, whatever follows."""
        levels = (*self._levels, level)
        if level.at.is_marked:
            return level.is_announced or any(one.is_kselftest for one in levels)
        return not level.column or any(one.is_announced for one in levels)

    def _close_to(self, column: int) -> None:
        """Close the levels that are indented more: none of their tests has a result."""
        while self._levels and self._levels[-1].column > column:
            self._abandon(self._levels.pop())

    def _abandon(self, level: Level) -> None:
        """Keep a level without a result for its test; with a header it is a crash."""
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
        cases = case.cases if len(path) < MAX_RESULT_DEPTH else []
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

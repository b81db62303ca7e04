# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the runner reported, in the words of the API; pure.

The kernel is to blame when it panicked, and when it had begun to speak and then did
not come or answer in time. All else is the lab's: nothing is said of the kernel.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import BaseModel, ValidationError

from kci_shared.lab.console import BANNER, find_panic, judge
from kci_shared.models import ErrorCode, Result, TestStep
from kci_shared.rules.verdicts import overall
from kci_shared.text import redacted
from kci_shared.work import RunOutcome, TestOutcome


class Line(BaseModel):
    """One line of the runner's report."""

    test: str | None
    """None is the boot."""
    status: int | None = None
    output: list[str] = []
    error: str | None = None
    """Why it did not come to its end."""
    is_silence: bool = False
    """The error is that the board said nothing, or not what was waited for."""


@dataclass(frozen=True)
class Trouble:
    """What kept a job from being run to its end."""

    code: ErrorCode
    message: str


@dataclass(frozen=True)
class Run:
    """All that is left of a run."""

    lines: list[Line]
    console: str
    trouble: Trouble | None = None
    """Why the runner was stopped, if it was."""
    last_words: str = ""
    """The end of the runner's own log."""


def read_report(text: str) -> list[Line]:
    """Read the runner's report; a line that was cut short is left out."""
    return list(_lines(text))


def _lines(text: str) -> Iterator[Line]:
    for line in text.splitlines():
        try:
            yield Line.model_validate_json(line)
        except ValidationError:
            continue


def translate(steps: list[TestStep], run: Run) -> RunOutcome:
    """Say how a job ended, by what its runner left."""
    lines = {line.test: line for line in run.lines}
    whys = {line.test: _why(line, run.console) for line in run.lines if line.error}
    if None not in lines:
        why = run.trouble or _bug(run)
        return RunOutcome(Result.INCOMPLETE, why.code, why.message)
    if why_no_boot := whys.get(None):
        return _not_booted(steps, why_no_boot)
    tests: list[TestOutcome] = []
    for step in steps:
        tests += _ended(step.id, lines.get(step.id), whys.get(step.id))
    if run.trouble is not None:
        code, message = run.trouble.code, run.trouble.message
        return RunOutcome(Result.INCOMPLETE, code, message, tests=tests)
    why_not = next(reversed(whys.values()), None)
    if why_not is None and any(step.id not in lines for step in steps):
        why_not = _bug(run)
    return _sum(tests, why_not)


def _not_booted(steps: list[TestStep], why: Trouble) -> RunOutcome:
    """Tell of a board that did not come up: only the kernel's fault is a verdict."""
    result = _result(why)
    tests = [] if result is Result.INCOMPLETE else [_not_run(s.id) for s in steps]
    return RunOutcome(result, why.code, why.message, tests=tests)


def _ended(test: str, line: Line | None, why: Trouble | None) -> list[TestOutcome]:
    """Tell how one test ended, with its subtests."""
    if why is not None:
        return [TestOutcome((test,), _result(why), why.message, why.code)]
    if line is None or line.status is None:
        return [_not_run(test)]
    return judge(test, line.status, line.output)


def _not_run(test: str) -> TestOutcome:
    return TestOutcome((test,), Result.INCOMPLETE, "not run: the board was lost before")


def _sum(tests: list[TestOutcome], why: Trouble | None) -> RunOutcome:
    """Sum up a job that booted; `why` is what kept a test from its end."""
    result = overall(test.result for test in tests)
    if why is None or (result is Result.FAIL and why.code is not ErrorCode.TEST):
        return RunOutcome(result, tests=tests)
    return RunOutcome(result, why.code, why.message, tests=tests)


def _why(line: Line, console: str) -> Trouble:
    """Tell who is to blame for an error, and what for."""
    if panic := find_panic(console):
        return Trouble(ErrorCode.TEST, panic)
    message = redacted(line.error or "")
    if line.is_silence and re.search(BANNER, console):
        return Trouble(ErrorCode.TEST, message)
    return Trouble(ErrorCode.INFRASTRUCTURE, message)


def _result(why: Trouble) -> Result:
    return Result.FAIL if why.code is ErrorCode.TEST else Result.INCOMPLETE


def _bug(run: Run) -> Trouble:
    return Trouble(ErrorCode.BUG, f"the runner died: {redacted(run.last_words)}")

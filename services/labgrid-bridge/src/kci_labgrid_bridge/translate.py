# SPDX-License-Identifier: LGPL-2.1-or-later
"""Translates what the runner left into the outcome of a job; pure."""

from kci_labgrid_bridge.report import Line, Remains
from kci_labgrid_bridge.verdicts import blame, runner_died
from kci_shared.lab.console import judge
from kci_shared.lab.faults import Fault
from kci_shared.models import ErrorCode, Result, TestStep
from kci_shared.rules.verdicts import overall
from kci_shared.work import RunOutcome, TestOutcome


def translate(steps: list[TestStep], remains: Remains) -> RunOutcome:
    """Return the outcome of a job whose runner has ended."""
    lines = {line.test: line for line in remains.lines}
    faults = {
        line.test: blame(line, remains.console) for line in remains.lines if line.error
    }
    if None not in lines:
        return RunOutcome(*(remains.fault or runner_died(remains)))
    if boot_fault := faults.get(None):
        return _not_booted(steps, boot_fault)
    tests: list[TestOutcome] = []
    for step in steps:
        tests += _ended(step.id, lines.get(step.id), faults.get(step.id))
    if remains.fault is not None:
        return RunOutcome(*remains.fault, tests=tests)
    last_fault = next(reversed(faults.values()), None)
    if last_fault is None and any(step.id not in lines for step in steps):
        last_fault = runner_died(remains)
    return _booted(tests, last_fault)


def _not_booted(steps: list[TestStep], fault: Fault) -> RunOutcome:
    """Return the outcome of a board that did not boot; its tests only if it failed."""
    tests = [_not_run(s.id) for s in steps] if fault.result is Result.FAIL else []
    return RunOutcome(*fault, tests=tests)


def _ended(test: str, line: Line | None, fault: Fault | None) -> list[TestOutcome]:
    """Return the outcome of one test, with its subtests."""
    if fault is not None:
        return [TestOutcome((test,), fault.result, fault.message, fault.code)]
    if line is None or line.status is None:
        return [_not_run(test)]
    return judge(test, line.status, line.output)


def _not_run(test: str) -> TestOutcome:
    return TestOutcome((test,), Result.INCOMPLETE, "not run: the board was lost before")


def _booted(tests: list[TestOutcome], fault: Fault | None) -> RunOutcome:
    """Return the outcome of a job that booted; `fault` kept a test from its end."""
    result = overall(test.result for test in tests)
    if fault is None or (result is Result.FAIL and fault.code is not ErrorCode.TEST):
        return RunOutcome(result, tests=tests)
    return RunOutcome(result, fault.code, fault.message, tests=tests)

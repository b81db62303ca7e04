# SPDX-License-Identifier: LGPL-2.1-or-later
"""Translates LAVA's results of a job into its outcome; pure."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from kci_lava_bridge.answers import Health
from kci_lava_bridge.log import Excerpt, LogFacts
from kci_lava_bridge.results import OWN_SUITE, Case
from kci_lava_bridge.steps import OVER, SUITE
from kci_lava_bridge.verdicts import (
    blame,
    failed_actions,
    find_job_case,
    has_booted,
)
from kci_shared.lab.console import judge
from kci_shared.lab.faults import Fault, lab_fault
from kci_shared.models import ErrorCode, Result, TestStep
from kci_shared.rules.verdicts import WORST_FIRST, overall
from kci_shared.work import RunOutcome, TestOutcome

TOO_LONG = "it says more than can be read: see the log"


@dataclass(frozen=True)
class JobResults:
    """LAVA's results of one job, or of one device's part in a multinode job."""

    job_id: int
    health: Health
    cases: list[Case]
    facts: LogFacts
    device: str | None = None
    why_canceled: str = "canceled in LAVA"


def translate(steps: list[TestStep], results: JobResults) -> RunOutcome:
    """Return the outcome of a job."""
    fault = _fault(results)
    own = list(_own_tests(steps, results, fault))
    others = list(_other_tests(steps, results))
    # a case whose result LAVA does not know has no effect on the job
    decided = [test for test in others if test.result is not Result.INCOMPLETE]
    result = overall(test.result for test in [*own, *decided])
    outcome = RunOutcome(
        result, device=results.device, tests=[*own, *others], data=_facts(results)
    )
    if fault is None:
        return outcome
    if fault.code is not ErrorCode.TEST or result is not Result.FAIL:
        result = fault.result
    code, message = fault.code, fault.message
    return replace(outcome, result=result, error_code=code, error_msg=message)


def _fault(results: JobResults) -> Fault | None:
    if results.health is Health.COMPLETE:
        return None
    if results.health is Health.CANCELED:
        return lab_fault(results.why_canceled, ErrorCode.CANCELED)
    return blame(results.cases, results.facts)


def _own_tests(
    steps: list[TestStep], results: JobResults, fault: Fault | None
) -> Iterator[TestOutcome]:
    """Return the outcomes of our own commands, by their status and output."""
    ours = {case.name: case for case in results.cases if case.suite_name == SUITE}
    at_fault = _was_in_a_test(results, fault)
    for step in steps:
        if case := ours.get(step.id):
            yield from _judged(step, case, results.facts.excerpts.get(case.id))
            continue
        message = fault.message if fault else "LAVA has no result of it"
        if at_fault:  # the first test without a result was running
            yield TestOutcome((step.id,), Result.FAIL, message, ErrorCode.TEST)
            at_fault = False
        else:
            yield TestOutcome((step.id,), Result.INCOMPLETE, f"not run: {message}")


def _was_in_a_test(results: JobResults, fault: Fault | None) -> bool:
    is_of_kernel = fault is not None and fault.result is Result.FAIL
    return is_of_kernel and has_booted(results.cases)


def _judged(
    step: TestStep, case: Case, excerpt: Excerpt | None
) -> Iterator[TestOutcome]:
    lines, end = (excerpt.lines, excerpt.end) if excerpt else ([], ())
    status = 0 if case.result is Result.PASS else 1
    head, *parts = judge(step.id, status, lines)
    overtime = OVER.format(f"{step.timeout:g}")
    if status and any(overtime in line for line in end):
        message = overtime.removeprefix("kci: ")
        head = replace(head, error_msg=message, error_code=ErrorCode.TEST)
    elif head.result is Result.PASS and excerpt and excerpt.is_cut:
        head = TestOutcome((step.id,), Result.INCOMPLETE, TOO_LONG)
    misc = {**head.data.get("misc", {}), **_about(case, excerpt).get("misc", {})}
    yield replace(head, data={"misc": misc} if misc else {})
    yield from parts


def _other_tests(steps: list[TestStep], results: JobResults) -> Iterator[TestOutcome]:
    """Return the outcomes of other suites, and of cases that our commands reported.

    There is a level for each suite, and for each set.
    """
    ours = {(SUITE, step.id) for step in steps}
    others = [
        case
        for case in results.cases
        if case.suite != OWN_SUITE and (case.suite_name, case.name) not in ours
    ]
    suites = Counter(name for name, _ in {(c.suite_name, c.suite) for c in others})
    for case in others:
        suite = case.suite_name if suites[case.suite_name] == 1 else case.suite
        path = (suite, case.set, case.name) if case.set else (suite, case.name)
        data = _about(case, results.facts.excerpts.get(case.id))
        yield TestOutcome(path, case.result, data=data)


def _about(case: Case, excerpt: Excerpt | None) -> dict[str, Any]:
    """Return more about a case, for `data` of its node."""
    about: dict[str, Any] = {}
    if case.measurement is not None:
        about["measurement"] = {"value": case.measurement, "unit": case.unit}
    if excerpt and excerpt.first is not None:
        about["log_lines"] = [excerpt.first, excerpt.last]
    if case.reference:
        about["reference"] = case.reference
    return {"misc": about} if about else {}


def _facts(results: JobResults) -> dict[str, Any]:
    """Return LAVA's own summary, for `data` of the job."""
    summary = find_job_case(results.cases)
    seconds: dict[str, float] = {}
    for case in results.cases:
        if case.suite == OWN_SUITE and case.unit == "seconds" and case.measurement:
            seconds[case.name] = seconds.get(case.name, 0) + case.measurement
    facts = {
        "job": results.job_id,
        "health": results.health.value,
        "error_type": summary.error_type if summary else None,
        "error_msg": summary.error_msg if summary else None,
        "failed": failed_actions(results.cases),
        "seconds": {name: round(value, 2) for name, value in seconds.items()},
    }
    return {"misc": {"lava": {key: value for key, value in facts.items() if value}}}


def combined(outcomes: dict[str, RunOutcome]) -> RunOutcome:
    """Combine the outcomes of several devices; each role is a test with its tests."""
    worst = min(outcomes.values(), key=lambda one: WORST_FIRST.index(one.result))
    tests = [
        replace(test, path=(role, *test.path))
        for role, outcome in outcomes.items()
        for test in _with_head(outcome)
    ]
    facts = {role: outcome.data["misc"]["lava"] for role, outcome in outcomes.items()}
    devices = [outcome.device for outcome in outcomes.values() if outcome.device]
    return replace(
        worst,
        device=", ".join(devices) or None,
        tests=tests,
        files=_files(outcomes, worst),
        data={"misc": {"lava": facts}},
    )


def _with_head(outcome: RunOutcome) -> Iterable[TestOutcome]:
    """Return a role's tests, preceded by the outcome of its run."""
    head = TestOutcome((), outcome.result, outcome.error_msg, outcome.error_code)
    return [head, *outcome.tests]


def _files(outcomes: dict[str, RunOutcome], worst: RunOutcome) -> dict[str, Any]:
    """Return each role's files; the log of the worst is also the job's log."""
    files = {
        f"{name}_{role}": path
        for role, outcome in outcomes.items()
        for name, path in outcome.files.items()
    }
    return {**worst.files, **files}

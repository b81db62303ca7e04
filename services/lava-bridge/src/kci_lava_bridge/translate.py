# SPDX-License-Identifier: LGPL-2.1-or-later
"""What LAVA says of a job, in the words of the API; pure."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from kci_lava_bridge.answers import Health
from kci_lava_bridge.log import Excerpt, LogFacts
from kci_lava_bridge.results import OWN_SUITE, Case
from kci_lava_bridge.steps import OVER, SUITE
from kci_lava_bridge.verdicts import (
    Trouble,
    blame,
    failed_actions,
    find_job_case,
    has_booted,
)
from kci_shared.lab.console import judge
from kci_shared.models import ErrorCode, Result, TestStep
from kci_shared.rules.verdicts import WORST_FIRST, overall
from kci_shared.work import RunOutcome, TestOutcome

TOO_MUCH = "it says more than can be read: see the log"


@dataclass(frozen=True)
class Run:
    """All that LAVA has of one job, or of one device's part in it."""

    job_id: int
    health: Health
    cases: list[Case]
    facts: LogFacts
    device: str | None = None
    role: str | None = None
    """In a job of several devices."""
    why_canceled: str = "canceled in LAVA"


def translate(steps: list[TestStep], run: Run) -> RunOutcome:
    """Say how a run ended."""
    trouble = _trouble(run)
    own, others = list(_own_tests(steps, run, trouble)), list(_other_tests(steps, run))
    # a case that LAVA calls "unknown" ran, and leaves the job as it is
    known = [test for test in others if test.result is not Result.INCOMPLETE]
    result = overall(test.result for test in [*own, *known])
    outcome = RunOutcome(
        result, device=run.device, tests=[*own, *others], data=_facts(run)
    )
    if trouble is None:
        return outcome
    if trouble.code is not ErrorCode.TEST or result is not Result.FAIL:
        result = trouble.result
    code, message = trouble.code, trouble.message
    return replace(outcome, result=result, error_code=code, error_msg=message)


def _trouble(run: Run) -> Trouble | None:
    if run.health is Health.COMPLETE:
        return None
    if run.health is Health.CANCELED:
        return Trouble(Result.INCOMPLETE, ErrorCode.CANCELED, run.why_canceled)
    return blame(run.cases, run.facts)


def _own_tests(
    steps: list[TestStep], run: Run, trouble: Trouble | None
) -> Iterator[TestOutcome]:
    """Judge our own commands, by their status and their output."""
    ours = {case.name: case for case in run.cases if case.suite_name == SUITE}
    at_fault = _fault_in_a_test(run, trouble)
    for step in steps:
        if case := ours.get(step.id):
            yield from _judged(step, case, run.facts.excerpts.get(case.id))
            continue
        message = trouble.message if trouble else "LAVA has no result of it"
        if at_fault:  # the first without a result was running
            yield TestOutcome((step.id,), Result.FAIL, message, ErrorCode.TEST)
            at_fault = False
        else:
            yield TestOutcome((step.id,), Result.INCOMPLETE, f"not run: {message}")


def _fault_in_a_test(run: Run, trouble: Trouble | None) -> bool:
    is_kernels = trouble is not None and trouble.result is Result.FAIL
    return is_kernels and has_booted(run.cases)


def _judged(
    step: TestStep, case: Case, excerpt: Excerpt | None
) -> Iterator[TestOutcome]:
    lines, end = (excerpt.lines, excerpt.end) if excerpt else ([], ())
    status = 0 if case.result is Result.PASS else 1
    head, *parts = judge(step.id, status, lines)
    said = OVER.format(f"{step.timeout:g}")
    if status and any(said in line for line in end):
        message = said.removeprefix("kci: ")
        head = replace(head, error_msg=message, error_code=ErrorCode.TEST)
    elif head.result is Result.PASS and excerpt and excerpt.is_cut:
        head = TestOutcome((step.id,), Result.INCOMPLETE, TOO_MUCH)
    misc = {**head.data.get("misc", {}), **_about(case, excerpt).get("misc", {})}
    yield replace(head, data={"misc": misc} if misc else {})
    yield from parts


def _other_tests(steps: list[TestStep], run: Run) -> Iterator[TestOutcome]:
    """Tell of suites of the lab's own actions, and of cases that our commands made.

    There is a level for each suite, and each set.
    """
    ours = {(SUITE, step.id) for step in steps}
    others = [
        case
        for case in run.cases
        if case.suite != OWN_SUITE and (case.suite_name, case.name) not in ours
    ]
    suites = Counter(name for name, _ in {(c.suite_name, c.suite) for c in others})
    for case in others:
        suite = case.suite_name if suites[case.suite_name] == 1 else case.suite
        path = (suite, case.set, case.name) if case.set else (suite, case.name)
        data = _about(case, run.facts.excerpts.get(case.id))
        yield TestOutcome(path, case.result, data=data)


def _about(case: Case, excerpt: Excerpt | None) -> dict[str, Any]:
    """Tell what else is known of a case."""
    about: dict[str, Any] = {}
    if case.measurement is not None:
        about["measurement"] = {"value": case.measurement, "unit": case.unit}
    if excerpt and excerpt.first is not None:
        about["log_lines"] = [excerpt.first, excerpt.last]
    if case.reference:
        about["reference"] = case.reference
    return {"misc": about} if about else {}


def _facts(run: Run) -> dict[str, Any]:
    """Keep what LAVA itself says, as it says it."""
    summary = find_job_case(run.cases)
    seconds: dict[str, float] = {}
    for case in run.cases:
        if case.suite == OWN_SUITE and case.unit == "seconds" and case.measurement:
            seconds[case.name] = seconds.get(case.name, 0) + case.measurement
    said = {
        "job": run.job_id,
        "health": run.health.value,
        "error_type": summary.error_type if summary else None,
        "error_msg": summary.error_msg if summary else None,
        "failed": failed_actions(run.cases),
        "seconds": {name: round(value, 2) for name, value in seconds.items()},
    }
    return {"misc": {"lava": {key: value for key, value in said.items() if value}}}


def combined(outcomes: dict[str, RunOutcome]) -> RunOutcome:
    """Make one outcome of those of several devices, by their roles."""
    worst = min(outcomes.values(), key=lambda one: WORST_FIRST.index(one.result))
    tests = [
        replace(test, path=(role, *test.path))
        for role, outcome in outcomes.items()
        for test in _with_head(outcome)
    ]
    said = {role: outcome.data["misc"]["lava"] for role, outcome in outcomes.items()}
    devices = [outcome.device for outcome in outcomes.values() if outcome.device]
    return replace(
        worst,
        device=", ".join(devices) or None,
        tests=tests,
        files=_files(outcomes, worst),
        data={"misc": {"lava": said}},
    )


def _with_head(outcome: RunOutcome) -> Iterable[TestOutcome]:
    """Begin a role's tests with how its run ended."""
    head = TestOutcome((), outcome.result, outcome.error_msg, outcome.error_code)
    return [head, *outcome.tests]


def _files(outcomes: dict[str, RunOutcome], worst: RunOutcome) -> dict[str, Any]:
    """Name the files of each role for it; the log of the worst is the job's."""
    files = {
        f"{name}_{role}": path
        for role, outcome in outcomes.items()
        for name, path in outcome.files.items()
    }
    return {**worst.files, **files}

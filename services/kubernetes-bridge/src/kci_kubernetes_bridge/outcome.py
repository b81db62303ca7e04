# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a run came to: what the cluster says of it, and what its log says."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from pydantic import ValidationError

from kci_kubernetes_bridge.script import mark_of, outcomes_of, read_log
from kci_kubernetes_bridge.verdicts import Verdict
from kci_shared.lab import read_definition
from kci_shared.models import ErrorCode, Result
from kci_shared.rules.verdicts import overall
from kci_shared.work import LabJob, RunOutcome
from kci_shared.work.build import MARK, BuildReport

LONGEST_LINE = 1 << 16
LONGEST_REPORT = 1 << 20


def outcome_of_script(job: LabJob, ended: Verdict, log: Path) -> RunOutcome:
    """Tell how a job's tests ended."""
    said_code = {"exit_code": ended.exit_code}
    data = {} if ended.exit_code is None else {"misc": {"kubernetes": said_code}}
    outcome = RunOutcome(
        ended.result,
        ended.error_code,
        ended.error_msg,
        files=_files("log", log),
        data=data,
    )
    steps = read_definition(job).tests
    if not steps:
        return outcome
    said = read_log(mark_of(job), _lines(log, LONGEST_LINE))
    tests = outcomes_of(steps, said)
    outcome = replace(outcome, tests=tests)
    if ended.result is Result.INCOMPLETE:
        return outcome
    if any(step.id not in said or said[step.id].status is None for step in steps):
        # a test that failed is no better for what is missing
        return outcome if outcome.result is Result.FAIL else _not_whole(outcome)
    result = overall(test.result for test in tests)
    if result is Result.PASS:
        return outcome
    return replace(outcome, result=result, error_code=None, error_msg=None)


def outcome_of_build(ended: Verdict, log: Path, storage_url: str) -> RunOutcome:
    """Tell how a build ended: by its report, else nobody can say it of the kernel."""
    outcome = RunOutcome(
        ended.result, ended.error_code, ended.error_msg, files=_files("build_log", log)
    )
    if ended.result is Result.FAIL:
        return _spoiled(outcome, f"the build's container: {ended.error_msg}")
    if ended.result is not Result.PASS:
        return outcome
    told = [s for s in _lines(log, LONGEST_REPORT) if s.startswith(MARK)]
    if not told:
        return _not_whole(outcome)
    try:
        report = BuildReport.model_validate_json(told[-1].removeprefix(MARK))
    except ValidationError as error:
        return _spoiled(outcome, f"the build's report: {error}")
    ours = f"{storage_url.rstrip('/')}/"
    for name, url in report.artifacts.items():
        if not url.startswith(ours):
            return _spoiled(outcome, f"artifact: {name}: not in our storage: {url}")
    return RunOutcome(
        report.result,
        report.error_code,
        report.error_msg,
        artifacts=report.artifacts,
        data=report.facts.model_dump() if report.facts else {},
    )


def _not_whole(outcome: RunOutcome) -> RunOutcome:
    return _spoiled(outcome, "the container ended well, but its log is not whole")


def _spoiled(outcome: RunOutcome, reason: str) -> RunOutcome:
    return replace(
        outcome,
        result=Result.INCOMPLETE,
        error_code=ErrorCode.INFRASTRUCTURE,
        error_msg=reason,
    )


def _files(name: str, log: Path) -> dict[str, Path]:
    """Name the log as an artifact; an empty one is none."""
    return {name: log} if log.exists() and log.stat().st_size > 0 else {}


def _lines(file: Path, longest: int) -> Iterator[str]:
    """Yield a file's lines, if there is one; what is too long comes in pieces."""
    if not file.exists():
        return
    with file.open(encoding="utf-8", errors="replace", newline="\n") as text:
        while line := text.readline(longest):
            yield line

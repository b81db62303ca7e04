# SPDX-License-Identifier: LGPL-2.1-or-later
"""The outcome of a run: the verdict of the cluster, and the results in the log."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from pydantic import ValidationError

from kci_kubernetes_bridge.script import mark_of, outcomes_of, read_log
from kci_kubernetes_bridge.verdicts import JobVerdict
from kci_shared.lab import read_definition
from kci_shared.models import ErrorCode, Result
from kci_shared.rules.artifacts import BUILD_LOG, LOG
from kci_shared.rules.verdicts import overall
from kci_shared.work import LabJob, RunOutcome
from kci_shared.work.build import MARK, BuildReport

MAX_LINE_CHARS = 1 << 16
MAX_REPORT_CHARS = 1 << 20
TRUNCATED = "the container succeeded, but its log is incomplete"


class NoReport(Exception):
    """A build left no report that can be trusted; the message says why."""


def outcome_of_script(job: LabJob, verdict: JobVerdict, log: Path) -> RunOutcome:
    """Return the outcome of a job by the results of its tests."""
    misc = {"kubernetes": {"exit_code": verdict.exit_code}}
    outcome = RunOutcome(
        verdict.result,
        verdict.error_code,
        verdict.error_msg,
        files=_files(LOG, log),
        data={} if verdict.exit_code is None else {"misc": misc},
    )
    steps = read_definition(job).tests
    if not steps:
        return outcome
    logs = read_log(mark_of(job), _lines(log, MAX_LINE_CHARS))
    tests = outcomes_of(steps, logs)
    outcome = replace(outcome, tests=tests)
    if verdict.result is Result.INCOMPLETE:
        return outcome
    if any(step.id not in logs or logs[step.id].status is None for step in steps):
        # a failure stays one, whatever is missing
        return (
            outcome if outcome.result is Result.FAIL else _spoiled(outcome, TRUNCATED)
        )
    result = overall(test.result for test in tests)
    if result is Result.PASS:
        return outcome
    return replace(outcome, result=result, error_code=None, error_msg=None)


def outcome_of_build(verdict: JobVerdict, log: Path, storage_url: str) -> RunOutcome:
    """Return the outcome of a build by the report in its log.

    A build without a valid report says nothing about the kernel.
    """
    outcome = RunOutcome(
        verdict.result,
        verdict.error_code,
        verdict.error_msg,
        files=_files(BUILD_LOG, log),
    )
    if verdict.result is Result.FAIL:
        return _spoiled(outcome, f"the build's container: {verdict.error_msg}")
    if verdict.result is not Result.PASS:
        return outcome
    try:
        report = _read_report(log, storage_url)
    except NoReport as error:
        return _spoiled(outcome, str(error))
    return RunOutcome(
        report.result,
        report.error_code,
        report.error_msg,
        artifacts=report.artifacts,
        data=report.facts.model_dump() if report.facts else {},
    )


def _read_report(log: Path, storage_url: str) -> BuildReport:
    """Return the last report in a log; raises `NoReport`."""
    reports = [s for s in _lines(log, MAX_REPORT_CHARS) if s.startswith(MARK)]
    if not reports:
        raise NoReport(TRUNCATED)
    try:
        report = BuildReport.model_validate_json(reports[-1].removeprefix(MARK))
    except ValidationError as error:
        raise NoReport(f"the build's report: {error}") from error
    for name, url in report.artifacts.items():
        if not url.startswith(f"{storage_url.rstrip('/')}/"):
            raise NoReport(f"artifact: {name}: not in our storage: {url}")
    return report


def _spoiled(outcome: RunOutcome, reason: str) -> RunOutcome:
    return replace(
        outcome,
        result=Result.INCOMPLETE,
        error_code=ErrorCode.INFRASTRUCTURE,
        error_msg=reason,
    )


def _files(name: str, log: Path) -> dict[str, Path]:
    """Return the log as an artifact, unless it is empty."""
    return {name: log} if log.exists() and log.stat().st_size > 0 else {}


def _lines(file: Path, max_chars: int) -> Iterator[str]:
    """Yield the lines of a file, if it exists; longer lines come in pieces."""
    if not file.exists():
        return
    with file.open(encoding="utf-8", errors="replace", newline="\n") as text:
        while line := text.readline(max_chars):
            yield line

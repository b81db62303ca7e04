# SPDX-License-Identifier: LGPL-2.1-or-later
"""A job's test steps as one shell script, and the results in its log; pure."""

import re
import shlex
from collections.abc import Iterable
from dataclasses import dataclass, field

from kci_shared.lab.console import judge_results
from kci_shared.models import Definition, ErrorCode, Result, TestStep
from kci_shared.rules.results import ResultReader
from kci_shared.text import plain
from kci_shared.work import BadJob, LabJob, TestOutcome

MAX_SCRIPT_BYTES = 100_000
"""Linux takes no argument of more than 128 KiB."""
TIMED_OUT = 124
"""The exit status of timeout(1)."""
PRELUDE = """\
exec 2>&1
failed=0
limit() { if command -v timeout >/dev/null; then timeout "$@"; else shift; "$@"; fi; }
"""


def mark_of(job: LabJob) -> str:
    """Return what begins the bridge's own lines in a job's log."""
    return f"==kci-{job.id}"


def script_of(mark: str, steps: list[TestStep]) -> str:
    """Return a script that runs all steps, and fails if one of them does."""
    lines = [PRELUDE]
    for step in steps:
        seconds = max(1, round(step.timeout))
        run = f"limit {seconds} /bin/sh -c {shlex.quote(step.run)}"
        lines += [
            f"echo '{mark} begin {step.id}'",
            f"{run} </dev/null; status=$?",
            f"printf '\\n%s\\n' \"{mark} end {step.id} $status\"",
            "[ $status = 0 ] || failed=1",
        ]
    script = "\n".join([*lines, "exit $failed\n"])
    if len(script.encode()) > MAX_SCRIPT_BYTES:
        raise BadJob(
            f"data.definition.tests: longer than {MAX_SCRIPT_BYTES} bytes; cut it"
        )
    return script


def variables_of(definition: Definition) -> dict[str, str]:
    """Return the environment variables that hold the URLs of a job's artifacts."""
    return {
        f"KCI_ARTIFACT_{re.sub(r'[^A-Za-z0-9]', '_', name).upper()}": url
        for name, url in definition.artifacts.items()
    }


@dataclass
class StepLog:
    """The part of a log that belongs to one step."""

    status: int | None = None
    """Its exit status; None if the log ends before the step does."""
    results: ResultReader = field(default_factory=ResultReader)
    """Has read what it printed."""


def read_log(mark: str, lines: Iterable[str]) -> dict[str, StepLog]:
    """Split a log by its steps."""
    steps: dict[str, StepLog] = {}
    current: StepLog | None = None
    own_line = re.compile(rf"{re.escape(mark)} (begin|end) (\S+)(?: (\d+))?")
    for line in lines:
        if match := own_line.fullmatch(plain(line).rstrip()):
            what, name, status = match.groups()
            if what == "begin":
                current = steps.setdefault(name, StepLog())
            elif name in steps and status is not None:
                steps[name].status = int(status)
                current = None
        elif current is not None:
            current.results.read(line)
    return steps


def outcomes_of(steps: list[TestStep], logs: dict[str, StepLog]) -> list[TestOutcome]:
    """Return the results of all tests, each followed by its subtests."""
    return [test for step in steps for test in _outcomes(step, logs.get(step.id))]


def _outcomes(step: TestStep, log: StepLog | None) -> list[TestOutcome]:
    if log is None:
        message = "did not run, or its log is lost"
        return [TestOutcome((step.id,), Result.INCOMPLETE, message)]
    own, *subtests = judge_results(step.id, log.status or 0, log.results)
    if log.status is None:
        own = TestOutcome((step.id,), Result.INCOMPLETE, "did not come to its end")
    elif log.status == TIMED_OUT:
        reason = f"over {step.timeout:g} s"
        own = TestOutcome((step.id,), Result.FAIL, reason, ErrorCode.TEST)
    return [own, *subtests]

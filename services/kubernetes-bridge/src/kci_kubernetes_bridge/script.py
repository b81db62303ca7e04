# SPDX-License-Identifier: LGPL-2.1-or-later
"""A job's commands as one shell script, and what its log says of each; pure."""

import re
import shlex
from collections.abc import Iterable
from dataclasses import dataclass, field

from kci_shared.lab.console import judge
from kci_shared.models import Definition, ErrorCode, Result, TestStep
from kci_shared.text import plain
from kci_shared.work import BadJob, LabJob, TestOutcome

LONGEST_SCRIPT = 100_000
"""Linux takes no argument of more than 128 KiB."""
MOST_LINES = 20_000
"""Of verdicts of one test; the log has all."""
TIMED_OUT = 124
PRELUDE = """\
exec 2>&1
failed=0
limit() { if command -v timeout >/dev/null; then timeout "$@"; else shift; "$@"; fi; }
"""


def mark_of(job: LabJob) -> str:
    """Return what begins the lines that are ours in a job's log."""
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
    if len(script.encode()) > LONGEST_SCRIPT:
        raise BadJob(f"data.definition.tests: longer than {LONGEST_SCRIPT} bytes")
    return script


def variables_of(definition: Definition) -> dict[str, str]:
    """Tell a container where the artifacts of its job are."""
    return {
        f"KCI_ARTIFACT_{re.sub(r'[^A-Za-z0-9]', '_', name).upper()}": url
        for name, url in definition.artifacts.items()
    }


@dataclass
class Said:
    """What one step said."""

    status: int | None = None
    lines: list[str] = field(default_factory=list)


def read_log(mark: str, lines: Iterable[str]) -> dict[str, Said]:
    """Sort a log's lines by their steps; only lines that may be verdicts are kept."""
    found: dict[str, Said] = {}
    current: Said | None = None
    ours = re.compile(rf"{re.escape(mark)} (begin|end) (\S+)(?: (\d+))?")
    for line in lines:
        if match := ours.fullmatch(plain(line).rstrip()):
            what, step, status = match.groups()
            if what == "begin":
                current = found.setdefault(step, Said())
            elif step in found and status is not None:
                found[step].status = int(status)
                current = None
        elif current is not None and "ok" in line and len(current.lines) < MOST_LINES:
            current.lines.append(line)
    return found


def outcomes_of(steps: list[TestStep], said: dict[str, Said]) -> list[TestOutcome]:
    """Tell how each test ended, with its subtests."""
    return [test for step in steps for test in _ended(step, said.get(step.id))]


def _ended(step: TestStep, said: Said | None) -> list[TestOutcome]:
    if said is None:
        return [TestOutcome((step.id,), Result.INCOMPLETE, "not run, or its log lost")]
    if said.status is None:
        head = TestOutcome((step.id,), Result.INCOMPLETE, "did not come to its end")
        return [head, *judge(step.id, 0, said.lines)[1:]]
    if said.status == TIMED_OUT:
        reason = f"over {step.timeout:g} s"
        head = TestOutcome((step.id,), Result.FAIL, reason, ErrorCode.TEST)
        return [head, *judge(step.id, 1, said.lines)[1:]]
    return judge(step.id, said.status, said.lines)

# SPDX-License-Identifier: LGPL-2.1-or-later
"""A bridge to a lab that has no boards: jobs are shell commands on this machine."""

import asyncio
import os
import shlex
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

from kci_shared.lab import LabError, read_definition
from kci_shared.lab.console import judge
from kci_shared.lab.main import run_bridge
from kci_shared.models import ErrorCode, Result, TestStep
from kci_shared.rules.verdicts import overall
from kci_shared.work import (
    BridgeSettings,
    Dialect,
    LabJob,
    RunOutcome,
    TestOutcome,
)
from kci_shared.work.workspace import left_behind

TIMED_OUT = 124
"""What timeout(1) returns for a command that it had to stop."""


class ShellLab(Dialect):
    """Runs each job as a script; a variable in the environment marks its processes."""

    def __init__(self, settings: BridgeSettings) -> None:
        self._most = settings.max_jobs
        self._runs = settings.runs.resolve()
        self._shells: dict[str, asyncio.subprocess.Process] = {}
        self._folders: dict[str, Path] = {}

    async def slots(self) -> dict[str, int]:
        """Return how many jobs could start now, per platform."""
        return {"shell": self._most - len(self._shells)}

    async def submit(self, job: LabJob) -> str:
        """Start a job's script, unless it is running."""
        handle = f"shell-{job.id}"
        if handle not in self._shells:
            self._folders[handle] = job.folder
            images = {f"IMAGE_{name}": str(file) for name, file in job.images.items()}
            with (job.folder / "console.log").open("wb") as log:
                self._shells[handle] = await asyncio.create_subprocess_exec(
                    "sh",
                    "-c",
                    script(read_definition(job).tests),
                    cwd=job.folder,
                    env={**images, "PATH": os.defpath, "JOB_FOLDER": f"{job.folder}/"},
                    stdout=log,
                    stderr=log,
                )
        return handle

    async def wait(self, job: LabJob, handle: str) -> RunOutcome:
        """Wait until the script has ended, and read the results in its folder."""
        if handle not in self._shells:
            raise LabError(f"job {handle} no longer exists")
        status = await self._shells[handle].wait()
        await self.cancel(handle)
        tests = list(results(job))
        log = job.folder / "console.log"
        outcome = RunOutcome(
            overall(test.result for test in tests), tests=tests, files={"log": log}
        )
        if status == 0:
            return outcome
        return replace(  # it was killed, so the tests mean nothing
            outcome,
            result=Result.INCOMPLETE,
            error_code=ErrorCode.INFRASTRUCTURE,
            error_msg=f"the shell ended with status {status}",
        )

    async def cancel(self, handle: str) -> None:
        """Kill all processes of a job, if there are any."""
        if shell := self._shells.get(handle):
            kill_all_of(self._folders[handle])
            await shell.wait()
            self._shells.pop(handle, None)

    async def recover(self) -> dict[str, str]:
        """Kill the processes of killed bridges, whose jobs are claimed again."""
        for folder in left_behind(self._runs):
            kill_all_of(folder)
        return {}


def script(tests: list[TestStep]) -> str:
    """Return a script that runs the tests in turn; test N writes N.out and N.status."""
    lines = []
    for n, test in enumerate(tests):
        command = f"timeout {test.timeout} sh -c {shlex.quote(test.run)}"
        lines.append(f"{command} </dev/null >{n}.out 2>&1; echo $? >{n}.status")
        lines.append(f"cat {n}.out")
    return "\n".join(lines)


def results(job: LabJob) -> Iterator[TestOutcome]:
    """Return the outcome of each test; one without a status did not end."""
    for n, test in enumerate(read_definition(job).tests):
        status = job.folder / f"{n}.status"
        if not status.exists() or not status.read_text().strip():
            yield TestOutcome((test.id,), Result.INCOMPLETE)
        elif (code := int(status.read_text())) == TIMED_OUT:
            message = f"over {test.timeout:g} s"
            yield TestOutcome((test.id,), Result.FAIL, message, ErrorCode.TEST)
        else:
            output = (job.folder / f"{n}.out").read_text(errors="replace")
            yield from judge(test.id, code, output.splitlines())


def kill_all_of(folder: Path) -> None:
    """Kill every process whose JOB_FOLDER is this folder, or one below it."""
    mark = f"\0JOB_FOLDER={folder}/".encode()
    for _ in range(3):  # processes forked meanwhile are found in the next round
        for environ in Path("/proc").glob("[0-9]*/environ"):
            with suppress(OSError):  # it has ended, or is another user's
                if mark in b"\0" + environ.read_bytes():
                    os.kill(int(environ.parent.name), signal.SIGKILL)


@asynccontextmanager
async def open_lab(settings: BridgeSettings) -> AsyncIterator[ShellLab]:
    """Run jobs as shell commands on this machine."""
    yield ShellLab(settings)


if __name__ == "__main__":
    run_bridge(open_lab, BridgeSettings)

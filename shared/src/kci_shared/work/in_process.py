# SPDX-License-Identifier: LGPL-2.1-or-later
"""A dialect whose jobs are coroutines of this process, and end with it."""

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from kci_shared.channels import patiently
from kci_shared.models import ErrorCode, Result
from kci_shared.work.dialect import Dialect
from kci_shared.work.errors import CannotRun
from kci_shared.work.outcome import LabJob, RunOutcome

RunJob = Callable[[LabJob], Coroutine[Any, Any, RunOutcome]]


class InProcessDialect(Dialect):
    """Runs each job as one coroutine, which must clean up when it is cancelled.

    One that meets a `ChannelDown` is run again when the channel is up.
    """

    kind = "local"

    def __init__(self, platform: str, max_jobs: int, run: RunJob) -> None:
        self._platform = platform
        self._max_jobs = max_jobs
        self._run = run
        self._runs: dict[str, asyncio.Task[RunOutcome]] = {}

    async def slots(self) -> dict[str, int]:
        """Return how many jobs could start now."""
        return {self._platform: max(0, self._max_jobs - len(self._runs))}

    async def submit(self, job: LabJob) -> str:
        """Start a job, unless it runs already."""
        handle = f"{job.name.partition('/')[0]}-{job.id}"
        if handle not in self._runs:
            run = patiently(partial(self._run, job))
            self._runs[handle] = asyncio.create_task(run)
        return handle

    async def wait(self, _: LabJob, handle: str) -> RunOutcome:
        """Return how a job ended, or that it was cancelled."""
        if handle not in self._runs:
            raise CannotRun(f"job {handle} no longer exists")
        task = self._runs[handle]
        try:
            await asyncio.wait({task})
        finally:
            await self.cancel(handle)
        if task.cancelled():
            return RunOutcome(Result.INCOMPLETE, ErrorCode.CANCELED, "cancelled")
        return task.result()

    async def cancel(self, handle: str) -> None:
        """Cancel a job, and wait until it has cleaned up."""
        if task := self._runs.get(handle):
            task.cancel()
            await asyncio.wait({task})
            self._runs.pop(handle, None)

    async def recover(self) -> dict[str, str]:
        """Return nothing: no job survives this process."""
        return {}

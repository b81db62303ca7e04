# SPDX-License-Identifier: LGPL-2.1-or-later
"""One job in this lab: from its place in the queue to the board given back."""

import asyncio
from contextlib import AbstractAsyncContextManager
from dataclasses import replace

from kci_labgrid_bridge.booking import Booking
from kci_labgrid_bridge.lab import Lab
from kci_labgrid_bridge.run import Runner, environment, job_environment
from kci_labgrid_bridge.translate import Trouble, translate
from kci_shared.lab import read_definition
from kci_shared.models import ErrorCode, Progress
from kci_shared.work import LabJob, RunOutcome

LOOK_SECONDS = 1.0
"""Between two looks at what the runner reports."""


class Execution:
    """A job of a platform that the lab has, on a place that is booked for it."""

    def __init__(
        self,
        lab: Lab,
        job: LabJob,
        platform: str,
        booked: AbstractAsyncContextManager[Booking],
    ) -> None:
        self._lab = lab
        self._job = job
        self._device = lab.devices[platform]
        self._booked = booked
        self._started = asyncio.Event()
        self._stopping = asyncio.Event()
        self._task = asyncio.create_task(self._run())

    async def started(self) -> None:
        """Wait until the job has a board; raise what prevents it."""
        started = asyncio.create_task(self._started.wait())
        try:
            await asyncio.wait(
                {started, self._task}, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            started.cancel()
        if self._task.done():
            self._task.result()

    async def outcome(self) -> RunOutcome:
        """Wait until the job has ended and its board is given back."""
        return await asyncio.shield(self._task)

    async def stop(self) -> None:
        """End the job: the runner gets the time to power its board off."""
        self._stopping.set()
        if not self._started.is_set():
            self._task.cancel()
        await asyncio.wait({self._task})
        if not self._task.cancelled():
            self._task.exception()  # seen: nobody else may be there to look

    async def _run(self) -> RunOutcome:
        async with self._booked as booking:
            variables = environment(self._lab, booking.owner, booking.place)
            variables |= job_environment(self._job, self._device.state)
            runner = await Runner.start(self._job, self._device.env, variables)
            self._job.progress(Progress.BOOTING)
            self._started.set()
            try:
                trouble = await self._watch(runner, booking)
            finally:
                await (runner.stop() if booking.is_ours else runner.kill())
        outcome = await asyncio.to_thread(self._judge, runner, trouble)
        console = self._job.folder / "console.log"
        spoke = console.exists() and console.stat().st_size > 0
        files = {"log": console} if spoke else {}
        return replace(outcome, device=booking.place, files=files)

    def _judge(self, runner: Runner, trouble: Trouble | None) -> RunOutcome:
        return translate(read_definition(self._job).tests, runner.result(trouble))

    async def _watch(self, runner: Runner, booking: Booking) -> Trouble | None:
        """Wait for the runner's end, or for a reason to end it."""
        limit = min(read_definition(self._job).timeout, self._device.timeout)
        ended = asyncio.create_task(runner.ended())
        lost = asyncio.create_task(booking.lost())
        stopped = asyncio.create_task(self._stopping.wait())
        booted = asyncio.create_task(self._tell_when_booted(runner))
        tasks = {ended, lost, stopped}
        try:
            await asyncio.wait(
                tasks, timeout=limit, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            for task in (*tasks, booted):
                task.cancel()
        if ended.done():
            return ended.result()
        if lost.done():
            return Trouble(ErrorCode.INFRASTRUCTURE, lost.result())
        if stopped.done():
            return Trouble(ErrorCode.CANCELED, "stopped by the bridge")
        return Trouble(ErrorCode.NODE_TIMEOUT, f"over {limit:g} s")

    async def _tell_when_booted(self, runner: Runner) -> None:
        while not runner.is_booted():
            await asyncio.sleep(LOOK_SECONDS)
        self._job.progress(Progress.TESTING)

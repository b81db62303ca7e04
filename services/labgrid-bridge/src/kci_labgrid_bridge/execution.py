# SPDX-License-Identifier: LGPL-2.1-or-later
"""One job in this lab: from queueing for a place until the place is released."""

import asyncio
from contextlib import AbstractAsyncContextManager
from dataclasses import replace

from kci_labgrid_bridge.booking import Booking
from kci_labgrid_bridge.lab_file import Lab
from kci_labgrid_bridge.run import Runner, environment, job_environment
from kci_labgrid_bridge.translate import translate
from kci_shared.lab import read_definition
from kci_shared.lab.faults import Fault, lab_fault
from kci_shared.models import ErrorCode, Progress
from kci_shared.rules.artifacts import LOG
from kci_shared.work import LabJob, RunOutcome

LOOK_S = 1.0
"""Between two looks at the runner's report."""


class Execution:
    """A job on a place that is booked for it."""

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
        """Wait until the job has a board; raise the error that prevents it."""
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
        """Wait until the job has ended and its place is released."""
        return await asyncio.shield(self._task)

    async def stop(self) -> None:
        """End the job; the runner gets time to power its board off."""
        self._stopping.set()
        if not self._started.is_set():
            self._task.cancel()
        await asyncio.wait({self._task})
        if not self._task.cancelled():
            self._task.exception()  # retrieved, or asyncio would log it as lost

    async def _run(self) -> RunOutcome:
        async with self._booked as booking:
            variables = environment(self._lab, booking.owner, booking.place)
            variables |= job_environment(self._job, self._device.state)
            runner = await Runner.start(self._job, self._device.env, variables)
            self._job.progress(Progress.BOOTING)
            self._started.set()
            try:
                fault = await self._watch(runner, booking)
            finally:
                await (runner.stop() if booking.is_ours else runner.kill())
        outcome = await asyncio.to_thread(self._translate, runner, fault)
        console = self._job.folder / "console.log"
        has_output = console.exists() and console.stat().st_size > 0
        files = {LOG: console} if has_output else {}
        return replace(outcome, device=booking.place, files=files)

    def _translate(self, runner: Runner, fault: Fault | None) -> RunOutcome:
        return translate(read_definition(self._job).tests, runner.remains(fault))

    async def _watch(self, runner: Runner, booking: Booking) -> Fault | None:
        """Wait until the runner ends, or return why it must be stopped."""
        limit_s = min(read_definition(self._job).timeout, self._device.timeout)
        ended = asyncio.create_task(runner.ended())
        lost = asyncio.create_task(booking.lost())
        stopped = asyncio.create_task(self._stopping.wait())
        boot = asyncio.create_task(self._report_boot(runner))
        tasks = {ended, lost, stopped}
        try:
            await asyncio.wait(
                tasks, timeout=limit_s, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            for task in (*tasks, boot):
                task.cancel()
        if ended.done():
            return ended.result()
        if lost.done():
            return lab_fault(lost.result())
        if stopped.done():
            return lab_fault("stopped by the bridge", ErrorCode.CANCELED)
        return lab_fault(f"over {limit_s:g} s", ErrorCode.NODE_TIMEOUT)

    async def _report_boot(self, runner: Runner) -> None:
        while not runner.is_booted():
            await asyncio.sleep(LOOK_S)
        self._job.progress(Progress.TESTING)

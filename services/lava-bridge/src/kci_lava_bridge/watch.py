# SPDX-License-Identifier: LGPL-2.1-or-later
"""Polls all running jobs in one query, periodically and after each callback."""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import NoReturn

from kci_lava_bridge.answers import LavaJob, State
from kci_lava_bridge.lava import JOBS_PER_PAGE, Lava
from kci_shared.errors import ChannelDown
from kci_shared.lab import LabError
from kci_shared.logging import get_logger
from kci_shared.models import Progress
from kci_shared.waiting import wait
from kci_shared.work import CannotRun

log = get_logger(__name__)


QUICK_LOOKS = 8
"""LAVA calls back before it has stored the job's end, so one look is not enough."""
QUICK_S = 1.0
"""Between two of these looks."""
OVERTIME_S = 120.0
"""How long after a job's time limit LAVA may take to end it by itself."""
TEST_QUERIES = 5
"""In one look, for how many jobs LAVA is asked whether their tests have begun."""
CANCEL_S = 60.0
"""How long LAVA may take to cancel a job."""


class IdReused(LabError):
    """LAVA has another job under our job's id, as after a restored database."""


@dataclass
class Flight:
    """A job whose end is awaited."""

    node_id: str
    limit_s: float
    """How long it may run."""
    ended: asyncio.Future[LavaJob] = field(default_factory=asyncio.Future)
    looks: int = 0
    """How many quick looks remain."""
    cancelled_at: float | None = None
    """When LAVA was first seen or asked to cancel it."""
    progress: Callable[[Progress], None] = lambda _: None
    boot_seen: float | None = None
    """When it was last seen running without a test result."""


class Watch:
    """Waits for the ends of all jobs together."""

    def __init__(self, lava: Lava, period_s: float) -> None:
        self._lava = lava
        self._period_s = period_s
        self._flights: dict[int, Flight] = {}
        self._wake = asyncio.Event()

    async def end_of(
        self,
        job_id: int,
        node_id: str,
        limit_s: float,
        progress: Callable[[Progress], None] = lambda _: None,
    ) -> LavaJob:
        """Wait until a node's job has finished; `LabError` if LAVA cannot end it."""
        flight = self._flights.get(job_id)
        if flight is None or flight.node_id != node_id:
            if flight is not None and not flight.ended.done():
                flight.ended.set_exception(_reused(job_id))
            flight = self._flights[job_id] = Flight(node_id, limit_s, progress=progress)
        self.look_at(job_id)
        try:
            return await asyncio.shield(flight.ended)
        finally:
            if self._flights.get(job_id) is flight:
                del self._flights[job_id]

    def look_at(self, job_id: int) -> None:
        """Query a job now, and a few times more."""
        if flight := self._flights.get(job_id):
            flight.looks = QUICK_LOOKS
            self._wake.set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Poll while the context is open."""
        task = asyncio.create_task(self._run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _run(self) -> NoReturn:
        looked = -self._period_s
        while True:
            now = time.monotonic()
            is_due = now - looked >= self._period_s
            job_ids = [i for i, f in self._flights.items() if is_due or f.looks > 0]
            looked = now if is_due else looked
            await self._look(job_ids)
            await self._pause(looked + self._period_s - time.monotonic())

    async def _pause(self, seconds: float) -> None:
        """Sleep until the next periodic or quick look, or until `look_at` is called."""
        self._wake.clear()
        if any(flight.looks > 0 for flight in self._flights.values()):
            await asyncio.sleep(QUICK_S)
            return
        await wait(self._wake, max(0.0, seconds))

    async def _look(self, job_ids: list[int]) -> None:
        try:
            for start in range(0, len(job_ids), JOBS_PER_PAGE):
                await self._look_at_page(job_ids[start : start + JOBS_PER_PAGE])
            await self._look_for_tests()
        except (CannotRun, ChannelDown) as error:
            log.warning("LAVA not polled", reason=str(error))
        except Exception:
            log.exception("bug in the watch")

    async def _look_at_page(self, job_ids: list[int]) -> None:
        seen = await self._lava.jobs(job_ids)
        jobs = {job.id: job for job in seen.jobs}
        for job_id in job_ids:
            if flight := self._flights.get(job_id):
                flight.looks -= 1
                await self._judge(flight, job_id, jobs.get(job_id), seen.now)

    async def _look_for_tests(self) -> None:
        """Query the tests of some booting jobs, the longest unqueried first."""
        now = time.monotonic()
        due = [
            (flight.boot_seen, job_id, flight)
            for job_id, flight in self._flights.items()
            if flight.boot_seen is not None and now - flight.boot_seen >= self._period_s
        ]
        for _, job_id, flight in sorted(due)[:TEST_QUERIES]:
            flight.boot_seen = now
            if await self._lava.has_tests(job_id):
                flight.progress(Progress.TESTING)
                flight.boot_seen = math.inf  # never due again

    async def _judge(
        self, flight: Flight, job_id: int, job: LavaJob | None, now: datetime
    ) -> None:
        if flight.ended.done():
            return
        if job is None:
            flight.ended.set_exception(LabError(f"LAVA has no job {job_id} any more"))
        elif flight.node_id not in job.definition:
            flight.ended.set_exception(_reused(job_id))
        elif job.state is State.FINISHED:
            flight.ended.set_result(job)
        elif job.state is State.CANCELING or _is_late(job, flight.limit_s, now):
            await self._stop(flight, job)
        elif job.state is State.RUNNING and flight.boot_seen is None:
            flight.progress(Progress.BOOTING)
            flight.boot_seen = time.monotonic()

    async def _stop(self, flight: Flight, job: LavaJob) -> None:
        """Make LAVA cancel a job; a failure must not affect the others."""
        if flight.cancelled_at is None:
            flight.cancelled_at = time.monotonic()
        if time.monotonic() - flight.cancelled_at > CANCEL_S:
            message = f"LAVA does not stop job {job.id}: is its worker down?"
            flight.ended.set_exception(LabError(message))
        elif job.state is not State.CANCELING:
            log.warning("job over its time in LAVA", job_id=job.id)
            try:
                await self._lava.cancel(job.id)
            except (CannotRun, ChannelDown) as error:
                log.warning("job not stopped", job_id=job.id, reason=str(error))


def _reused(job_id: int) -> IdReused:
    return IdReused(f"LAVA has another job {job_id}: was its database restored?")


def _is_late(job: LavaJob, limit_s: float, now: datetime) -> bool:
    """Return whether LAVA, by its own clock, should have ended a job by itself."""
    if job.start_time is None:
        return False
    return (now - job.start_time).total_seconds() > limit_s + OVERTIME_S

# SPDX-License-Identifier: LGPL-2.1-or-later
"""One look at all jobs in flight, every so often, or as soon as LAVA calls."""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import NoReturn

from kci_lava_bridge.lava import PAGE, Lava, LavaJob, State
from kci_shared.lab import LabError
from kci_shared.logging import get_logger
from kci_shared.models import Progress
from kci_shared.work import CannotRun

log = get_logger(__name__)

Tell = Callable[[Progress], None]

LOOKS_AFTER_CALL = 8
"""LAVA calls before it has written down what it calls about, so look more than once."""
QUICK = 1.0
"""Seconds between those looks."""
LATE_SECONDS = 120.0
"""What LAVA gets beyond a job's time limit to notice it."""
ASKED_AT_ONCE = 5
"""How many jobs LAVA is asked, in one look, whether their tests have begun."""
CANCEL_SECONDS = 60.0
"""What LAVA gets to stop a job."""


class NumberReused(LabError):
    """LAVA has another job under the number of ours, as after a restored database."""


@dataclass
class Flight:
    """A job that is watched."""

    node_id: str
    """Stands in the job's definition."""
    limit: float
    """Seconds that it may run."""
    ended: asyncio.Future[LavaJob] = field(default_factory=asyncio.Future)
    looks: int = 0
    """How many quick looks are left."""
    stopping: float | None = None
    """Since when LAVA should be stopping it."""
    tell: Tell = lambda _: None
    boots: float | None = None
    """When it was last seen to boot: it runs, and no test has a result."""


class Watch:
    """Waits for the ends of jobs; whoever waits need not ask."""

    def __init__(self, lava: Lava, every: float) -> None:
        self._lava = lava
        self._every = every
        self._flights: dict[int, Flight] = {}
        self._called = asyncio.Event()

    async def end_of(
        self, job_id: int, node_id: str, limit: float, tell: Tell = lambda _: None
    ) -> LavaJob:
        """Wait until a node's job is finished; `LabError` when LAVA cannot end it."""
        flight = self._flights.get(job_id)
        if flight is None or flight.node_id != node_id:
            if flight is not None and not flight.ended.done():
                flight.ended.set_exception(_reused(job_id))
            flight = self._flights[job_id] = Flight(node_id, limit, tell=tell)
        self.call(job_id)
        try:
            return await asyncio.shield(flight.ended)
        finally:
            if self._flights.get(job_id) is flight:
                del self._flights[job_id]

    def call(self, job_id: int) -> None:
        """Look at a job now: something is said to have happened to it."""
        if flight := self._flights.get(job_id):
            flight.looks = LOOKS_AFTER_CALL
            self._called.set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Look at the jobs as long as the block lasts."""
        task = asyncio.create_task(self._run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _run(self) -> NoReturn:
        looked = -self._every
        while True:
            now = time.monotonic()
            is_due = now - looked >= self._every
            wanted = [i for i, f in self._flights.items() if is_due or f.looks > 0]
            looked = now if is_due else looked
            await self._look(wanted)
            await self._pause(looked + self._every - time.monotonic())

    async def _pause(self, seconds: float) -> None:
        """Sleep until the next look at all jobs, a quick one, or a call."""
        self._called.clear()
        if any(flight.looks > 0 for flight in self._flights.values()):
            await asyncio.sleep(QUICK)
            return
        try:
            async with asyncio.timeout(max(0.0, seconds)):
                await self._called.wait()
        except TimeoutError:
            pass

    async def _look(self, job_ids: list[int]) -> None:
        try:
            for start in range(0, len(job_ids), PAGE):
                await self._look_at_page(job_ids[start : start + PAGE])
            await self._look_for_tests()
        except CannotRun as error:
            log.warning("lab does not tell of its jobs", reason=str(error))
        except Exception:
            log.exception("bug in the watch")

    async def _look_at_page(self, job_ids: list[int]) -> None:
        seen = await self._lava.jobs(job_ids)
        known = {job.id: job for job in seen.jobs}
        for job_id in job_ids:
            if flight := self._flights.get(job_id):
                flight.looks -= 1
                await self._judge(flight, job_id, known.get(job_id), seen.now)

    async def _look_for_tests(self) -> None:
        """Ask some of the jobs that boot, those first that waited longest for it."""
        now = time.monotonic()
        due = [
            (flight.boots, job_id, flight)
            for job_id, flight in self._flights.items()
            if flight.boots is not None and now - flight.boots >= self._every
        ]
        for _, job_id, flight in sorted(due)[:ASKED_AT_ONCE]:
            flight.boots = now
            if await self._lava.has_tests(job_id):
                flight.tell(Progress.TESTING)
                flight.boots = math.inf  # never due again

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
        elif job.state is State.CANCELING or _is_late(job, flight.limit, now):
            await self._stop(flight, job)
        elif job.state is State.RUNNING and flight.boots is None:
            flight.tell(Progress.BOOTING)
            flight.boots = time.monotonic()

    async def _stop(self, flight: Flight, job: LavaJob) -> None:
        """Have LAVA end a job, which may fail for this one: the others go on."""
        if flight.stopping is None:
            flight.stopping = time.monotonic()
        if time.monotonic() - flight.stopping > CANCEL_SECONDS:
            said = f"LAVA does not stop job {job.id}: is its worker down?"
            flight.ended.set_exception(LabError(said))
        elif job.state is not State.CANCELING:
            log.warning("job over its time in LAVA", job_id=job.id)
            try:
                await self._lava.cancel(job.id)
            except CannotRun as error:
                log.warning("job not stopped", job_id=job.id, reason=str(error))


def _reused(job_id: int) -> NumberReused:
    return NumberReused(f"LAVA has another job {job_id}: was its database restored?")


def _is_late(job: LavaJob, limit: float, now: datetime) -> bool:
    """Say whether LAVA should have ended a job by itself; by its own clock."""
    if job.start_time is None:
        return False
    return (now - job.start_time).total_seconds() > limit + LATE_SECONDS

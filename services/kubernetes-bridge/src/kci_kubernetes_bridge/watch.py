# SPDX-License-Identifier: LGPL-2.1-or-later
"""Two watches for all jobs in flight: one of the Jobs, one of their pods."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import NoReturn

from kci_kubernetes_bridge.kubernetes import Kind, Kubernetes, patiently
from kci_kubernetes_bridge.objects import Job, Pod
from kci_kubernetes_bridge.verdicts import Verdict, verdict
from kci_shared.logging import get_logger
from kci_shared.models import Progress
from kci_shared.work import CannotRun

log = get_logger(__name__)

PAUSE = 1.0
"""Between two attempts while the cluster is away, in seconds; it grows."""
LONGEST_PAUSE = 15.0
Tell = Callable[[Progress], None]

PROGRESS = {"Pending": Progress.QUEUED, "Running": Progress.TESTING}
SETTLE = 5.0
"""What a pod gets to tell how it ended, once its Job has said that it did."""


@dataclass
class Flight:
    """A job that is waited for, as far as it was seen."""

    name: str
    job: Job | None = None
    pods: dict[str, Pod] = field(default_factory=dict)
    since: float = field(default_factory=time.monotonic)
    was_seen: bool = False
    is_gone: bool = False
    tell: Tell = lambda _: None
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def pod(self) -> Pod | None:
        """The newest: one that was deleted may have a successor."""
        made = [(p.metadata.creation_timestamp or "", n) for n, p in self.pods.items()]
        return self.pods[max(made)[1]] if made else None

    def see(self, found: Job | Pod) -> None:
        """Take note of how something is now."""
        if isinstance(found, Pod):
            self.pods[found.metadata.name] = found
            if progress := PROGRESS.get(found.status.phase):
                self.tell(progress)
        else:
            self.job, self.was_seen = found, True
        self.changed.set()

    def miss(self, kind: Kind, name: str) -> None:
        """Take note that something is no more."""
        if kind is Pod:
            self.pods.pop(name, None)
        else:
            self.job, self.is_gone = None, True
        self.changed.set()

    def verdict(self) -> Verdict | None:
        """Tell how the run ended, by what was seen."""
        if not self.was_seen and not self.is_gone:
            return None
        return verdict(self.job, self.pod)


class Watch:
    """Waits for the ends of jobs; whoever waits need not ask."""

    def __init__(self, kubernetes: Kubernetes, selector: str) -> None:
        self._kubernetes = kubernetes
        self._selector = selector
        self._flights: dict[str, Flight] = {}
        self._wanted: dict[Kind, asyncio.Event] = {
            Job: asyncio.Event(),
            Pod: asyncio.Event(),
        }

    def begin(self, name: str, tell: Tell = lambda _: None) -> Flight:
        """Begin to watch a job that the cluster has been given."""
        flight = self._flights[name] = Flight(name, tell=tell)
        for wanted in self._wanted.values():
            wanted.set()
        return flight

    def end(self, flight: Flight) -> None:
        """Watch a job no more."""
        if self._flights.get(flight.name) is flight:
            del self._flights[flight.name]
        if not self._flights:
            for wanted in self._wanted.values():
                wanted.clear()

    async def end_of(self, flight: Flight) -> Verdict:
        """Wait until a job has ended, and a while longer if its pod may say more."""
        await self._catch_up(flight)
        deadline: float | None = None
        while True:
            flight.changed.clear()
            said = flight.verdict()
            if said and said.is_sure:
                return said
            if said:
                deadline = deadline or time.monotonic() + SETTLE
            left = deadline - time.monotonic() if deadline else None
            try:
                async with asyncio.timeout(left):
                    await flight.changed.wait()
            except TimeoutError:
                if said := flight.verdict():
                    return said
                deadline = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Watch as long as the block lasts."""
        tasks = [asyncio.create_task(self._run(kind)) for kind in self._wanted]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, kind: Kind) -> NoReturn:
        pause = PAUSE
        while True:
            await self._wanted[kind].wait()
            try:
                await self._look(kind)
                pause = PAUSE
            except CannotRun as error:
                log.warning("looking again", kind=kind.__name__, reason=str(error))
                pause = min(2 * pause, LONGEST_PAUSE)
            except Exception:
                log.exception("bug in the watch")
                pause = LONGEST_PAUSE
            await asyncio.sleep(pause)

    async def _look(self, kind: Kind) -> None:
        """List all that there is, then hear of each change for a while."""
        version = await self._list(kind)
        changes = self._kubernetes.watch(kind, self._selector, version)
        async for change in changes:
            found = change.object
            if flight := self._flights.get(found.owner):
                if change.is_gone:
                    flight.miss(kind, found.metadata.name)
                else:
                    flight.see(found)

    async def _list(self, kind: Kind) -> str:
        """Look at all of our objects; return the version that they had."""
        started = time.monotonic()
        there: set[str] = set()
        more: dict[str, str] = {}
        while True:
            query = {"labelSelector": self._selector, **more}
            page = await self._kubernetes.list(kind, **query)
            for found in page.objects:
                if flight := self._flights.get(found.owner):
                    there.add(found.metadata.name)
                    flight.see(found)
            if not page.next:
                break
            more = {"continue": page.next}
        for flight in self._flights.values():
            if flight.since < started:  # its Job had been there by then
                known = {flight.name} if kind is Job else set(flight.pods)
                for name in known - there:
                    flight.miss(kind, name)
        return page.version

    async def _catch_up(self, flight: Flight) -> None:
        """Look at one job, which may have changed before it was watched."""
        job = await patiently(lambda: self._kubernetes.job(flight.name))
        pods = await patiently(
            lambda: self._kubernetes.list(Pod, labelSelector=f"job-name={flight.name}")
        )
        for pod in pods.objects:  # the watch may have said newer things meanwhile
            if pod.metadata.name not in flight.pods:
                flight.see(pod)
        if job is None:
            flight.miss(Job, flight.name)
        elif not flight.was_seen:
            flight.see(job)

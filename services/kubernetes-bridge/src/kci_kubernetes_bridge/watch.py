# SPDX-License-Identifier: LGPL-2.1-or-later
"""Two watches serve all Jobs in flight: one of the Jobs, one of their pods."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NoReturn

from kci_kubernetes_bridge.kubernetes import Kubernetes
from kci_kubernetes_bridge.objects import Job, Pod, Watched
from kci_kubernetes_bridge.retries import patiently
from kci_kubernetes_bridge.running_job import Flight, OnProgress
from kci_kubernetes_bridge.verdicts import JobVerdict
from kci_shared.errors import ChannelDown
from kci_shared.logging import get_logger
from kci_shared.waiting import wait
from kci_shared.work import CannotRun

log = get_logger(__name__)

PAUSE_S = 1.0
"""Between two lists; doubled after each failure."""
LONGEST_PAUSE_S = 15.0
SETTLE_S = 5.0
"""How long a pod may report its end after its Job has ended."""


class Watch:
    """Keeps flights up to date, so that nobody polls for a single Job."""

    def __init__(self, kubernetes: Kubernetes, selector: str) -> None:
        self._kubernetes = kubernetes
        self._selector = selector
        self._flights: dict[str, Flight] = {}
        self._needed: dict[type[Watched], asyncio.Event] = {
            Job: asyncio.Event(),
            Pod: asyncio.Event(),
        }

    def begin(self, name: str, on_progress: OnProgress = lambda _: None) -> Flight:
        """Begin to watch a Job that was created."""
        flight = self._flights[name] = Flight(name, on_progress=on_progress)
        for needed in self._needed.values():
            needed.set()
        return flight

    def end(self, flight: Flight) -> None:
        """Stop watching a Job."""
        if self._flights.get(flight.name) is flight:
            del self._flights[flight.name]
        if not self._flights:
            for needed in self._needed.values():
                needed.clear()

    async def end_of(self, flight: Flight) -> JobVerdict:
        """Wait until a Job has ended; `SETTLE_S` longer if its pod may say more."""
        await self._catch_up(flight)
        while True:
            flight.changed.clear()
            verdict = flight.verdict()
            if verdict is None:
                await flight.changed.wait()
            elif verdict.is_sure:
                return verdict
            elif settled := await self._settle(flight):
                return settled

    async def _settle(self, flight: Flight) -> JobVerdict | None:
        """Wait for a sure verdict; return the last one when the time is over."""
        deadline = time.monotonic() + SETTLE_S
        while await wait(flight.changed, deadline - time.monotonic()):
            flight.changed.clear()
            verdict = flight.verdict()
            if verdict is None or verdict.is_sure:
                return verdict
        return flight.verdict()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Watch as long as the block lasts."""
        tasks = [asyncio.create_task(self._run(kind)) for kind in self._needed]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, kind: type[Watched]) -> NoReturn:
        pause_s = PAUSE_S
        while True:
            await self._needed[kind].wait()
            try:
                await self._list_and_watch(kind)
                pause_s = PAUSE_S
            except (CannotRun, ChannelDown) as error:
                log.warning("watch restarts", kind=kind.__name__, reason=str(error))
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
            except Exception:
                log.exception("bug in the watch")
                pause_s = LONGEST_PAUSE_S
            await asyncio.sleep(pause_s)

    async def _list_and_watch(self, kind: type[Watched]) -> None:
        """List all objects of a kind, then follow their changes for a while."""
        version = await self._list(kind)
        async for change in self._kubernetes.watch(kind, self._selector, version):
            changed = change.object
            if flight := self._flights.get(changed.owner):
                if change.is_gone:
                    flight.remove(kind, changed.metadata.name)
                else:
                    flight.update(changed)

    async def _list(self, kind: type[Watched]) -> str:
        """Update all flights from a list; return the list's version."""
        started = time.monotonic()
        listed: set[str] = set()
        more: dict[str, str] = {}
        while True:
            query = {"labelSelector": self._selector, **more}
            page = await self._kubernetes.list(kind, **query)
            for state in page.objects:
                if flight := self._flights.get(state.owner):
                    listed.add(state.metadata.name)
                    flight.update(state)
            if not page.next:
                break
            more = {"continue": page.next}
        for flight in self._flights.values():
            if flight.since < started:  # else its Job may be newer than the list
                seen = {flight.name} if kind is Job else set(flight.pods)
                for name in seen - listed:
                    flight.remove(kind, name)
        return page.version

    async def _catch_up(self, flight: Flight) -> None:
        """Read one Job, which may have changed before it was watched."""
        job = await patiently(lambda: self._kubernetes.job(flight.name))
        selector = f"job-name={flight.name}"
        pods = await patiently(
            lambda: self._kubernetes.list(Pod, labelSelector=selector)
        )
        for pod in pods.objects:  # the watch may have stored newer states meanwhile
            if pod.metadata.name not in flight.pods:
                flight.update(pod)
        if job is None:
            flight.remove(Job, flight.name)
        elif not flight.was_seen:
            flight.update(job)

# SPDX-License-Identifier: LGPL-2.1-or-later
"""The main loop of every bridge: claim what the lab has room for, and run it."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from kci_shared.channels import require_all
from kci_shared.errors import ApiError, ChannelDown, KciError
from kci_shared.logging import get_logger
from kci_shared.models import ClaimedNode, ClaimRequest
from kci_shared.redaction import redacted
from kci_shared.work import cancels
from kci_shared.work.api import ClaimsApi, Files
from kci_shared.work.artifacts import Artifacts
from kci_shared.work.dialect import Dialect
from kci_shared.work.errors import CannotRun
from kci_shared.work.held_node import HeldNode
from kci_shared.work.job import JobRun
from kci_shared.work.presence import Presence
from kci_shared.work.recovery import Recovery
from kci_shared.work.runs import Runs
from kci_shared.work.settings import BridgeSettings
from kci_shared.work.submission import Environment
from kci_shared.work.workspace import Workspace

log = get_logger(__name__)

T = TypeVar("T")

IDLE_WAIT_S = 20.0
"""How long the API may hold a claim request while no job runs here."""
BUSY_WAIT_S = 2.0
"""The same while jobs run: when one ends, there is room for others."""
PAUSE_S = 2.0
"""After a failed turn, and between two looks at a full lab."""
MAX_CLAIMS = 100
"""The most that the API grants in one request."""


class Bridge:
    """Claims as many jobs as the lab has room for, and runs each to its report."""

    def __init__(
        self,
        api: ClaimsApi,
        storage: Files,
        dialect: Dialect,
        settings: BridgeSettings,
    ) -> None:
        self._api = api
        self._artifacts = Artifacts(storage, settings.cache / "artifacts")
        self._dialect = dialect
        self._settings = settings
        self._presence = Presence(api, settings.runtime, dialect)
        self._runs = Runs(self._presence.job_ended)
        self._recovery = Recovery(api, dialect, settings, self._runs)
        self._reason = ""
        """Why no job can be claimed; empty while all is well."""

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set, then drain.

        Raises `ApiError` if the API refuses to let this bridge claim.
        """
        with Workspace.open(self._settings.runs) as workspace:
            environment = Environment(
                self._dialect, self._artifacts, workspace, self._settings.queue
            )

            def start(claimed: ClaimedNode, handle: str | None = None) -> None:
                held = HeldNode(self._api, claimed, self._settings.lease)
                self._runs.start(JobRun(environment, held, handle))

            registering = asyncio.create_task(self._presence.keep())
            watching = asyncio.create_task(cancels.watch(self._api, lambda: self._runs))
            try:
                await self._persist(lambda: self._recovery.run(start), stop)
                while not stop.is_set():
                    await self._persist(lambda: self._turn(start, stop), stop)
            finally:
                registering.cancel()
                drained = self._runs.drain(self._settings.drain)
                await asyncio.gather(self._presence.leave(), drained)
                watching.cancel()

    async def _persist(
        self, step: Callable[[], Awaitable[None]], stop: asyncio.Event
    ) -> None:
        """Retry a step until it works; only a refusal of the API is final."""
        while not stop.is_set():
            try:
                await step()
            except KciError as error:
                if isinstance(error, ApiError) and not error.retryable:
                    raise
                self._log_wait(redacted(f"{type(error).__name__}: {error}"))
                if isinstance(error, CannotRun | ChannelDown):
                    self._presence.lab_failed(str(error))
            except Exception as error:
                log.exception("bug in the bridge")
                self._presence.lab_failed(f"bug in the bridge: {type(error).__name__}")
            else:
                self._log_wait("")
                return
            await _unless(stop, asyncio.sleep(PAUSE_S))

    def _log_wait(self, reason: str) -> None:
        """Log why the bridge waits when the reason changes, not at every retry."""
        if reason and reason != self._reason:
            log.warning("waiting", reason=reason)
        elif self._reason and not reason:
            log.info("waited", reason=self._reason)
        self._reason = reason

    async def _turn(
        self, start: Callable[[ClaimedNode], None], stop: asyncio.Event
    ) -> None:
        """Send one claim request and start the granted jobs, or wait for room."""
        require_all()
        free = await _unless(stop, self._room())  # a dead lab does not answer
        if not free:
            await _unless(stop, self._runs.wait_for_end(PAUSE_S))
            return
        room = self._settings.max_jobs - len(self._runs)
        request = ClaimRequest(
            runtime=self._settings.runtime,
            platforms=sorted(free),
            # all granted jobs may be of the same platform
            max=min(room, MAX_CLAIMS, *free.values()),
            lease=self._settings.lease,
            wait=BUSY_WAIT_S if self._runs else IDLE_WAIT_S,
        )
        claim = self._api.claim(request)
        # The API may still grant a request that we have cut off, and would so give the
        # jobs that we release to nobody. So it is cut off only while no job runs.
        for claimed in await (claim if self._runs else _unless(stop, claim)) or []:
            start(claimed)

    async def _room(self) -> dict[str, int]:
        """Return how many more jobs of each platform could start now, without zeros."""
        is_full = len(self._runs) >= self._settings.max_jobs
        if is_full and not self._presence.is_due:
            return {}
        slots = await self._dialect.slots()
        self._presence.lab_answered(self._capacity(slots))
        starting = self._runs.platforms(lambda run: run.is_starting)
        free = {platform: slots[platform] - starting[platform] for platform in slots}
        return {p: count for p, count in free.items() if count > 0 and not is_full}

    def _capacity(self, slots: dict[str, int]) -> dict[str, int]:
        """Return how many jobs of each platform can run at once, busy or not."""
        capacity = self._dialect.capacity()
        if capacity is None:
            running = self._runs.platforms(lambda run: run.is_in_lab)
            capacity = {one: count + running[one] for one, count in slots.items()}
        most = self._settings.max_jobs
        return {platform: min(most, count) for platform, count in capacity.items()}


async def _unless(stop: asyncio.Event, work: Coroutine[Any, Any, T]) -> T | None:
    """Return the result of `work`, or None if `stop` is set first."""
    task, stopped = asyncio.create_task(work), asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({task, stopped}, return_when=asyncio.FIRST_COMPLETED)
        return task.result() if task.done() else None
    finally:
        task.cancel()
        stopped.cancel()
        await asyncio.gather(task, stopped, return_exceptions=True)

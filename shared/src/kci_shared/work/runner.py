# SPDX-License-Identifier: LGPL-2.1-or-later
"""The loop of every bridge: claim what the lab has room for, and run it."""

import asyncio
import shutil
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from structlog.contextvars import bound_contextvars

from kci_shared.client import ApiClient
from kci_shared.errors import ApiError, Conflict, KciError, NotFound
from kci_shared.logging import get_logger
from kci_shared.models import ClaimedNode, ClaimRequest, Node, State
from kci_shared.storage import Storage
from kci_shared.text import redacted
from kci_shared.work import cancels
from kci_shared.work.artifacts import Artifacts
from kci_shared.work.dialect import Dialect
from kci_shared.work.errors import CannotRun
from kci_shared.work.held import Held
from kci_shared.work.job import JobRun, Lab
from kci_shared.work.presence import Presence
from kci_shared.work.settings import BridgeSettings
from kci_shared.work.workspace import Workspace, left_behind

log = get_logger(__name__)

T = TypeVar("T")

IDLE_WAIT = 20.0
"""How long a claim waits at the API, in seconds, when nothing runs here."""
BUSY_WAIT = 2.0
"""The same while jobs run: as they end there is room for others."""
PAUSE = 2.0
"""Rest after a failed turn, in seconds."""
MOST = 100
"""The most that one claim may ask for."""


class Bridge:
    """Claims jobs as far as the lab has room, and runs each to its report."""

    def __init__(
        self,
        api: ApiClient,
        storage: Storage,
        dialect: Dialect,
        settings: BridgeSettings,
    ) -> None:
        self._api = api
        self._artifacts = Artifacts(storage, settings.cache / "artifacts")
        self._dialect = dialect
        self._settings = settings
        self._presence = Presence(api, settings.runtime, dialect)
        self._runs: dict[asyncio.Task[None], JobRun] = {}
        self._reason = ""
        """Why no turn can be taken; empty while all is well."""

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set; then end what runs, within the drain time."""
        with Workspace.open(self._settings.runs) as workspace:
            lab = Lab(self._dialect, self._artifacts, workspace, self._settings.queue)
            telling = asyncio.create_task(self._presence.keep())
            hearing = asyncio.create_task(cancels.watch(self._api, self._runs.values))
            try:
                await self._persist(lambda: self._recover(lab), stop)
                while not stop.is_set():
                    await self._persist(lambda: self._turn(lab, stop), stop)
            finally:
                telling.cancel()
                await asyncio.gather(self._presence.leave(), self._drain())
                hearing.cancel()

    async def _persist(
        self, step: Callable[[], Awaitable[None]], stop: asyncio.Event
    ) -> None:
        """Take a step, again until it works; only a refusal of the API is final."""
        while not stop.is_set():
            try:
                await step()
            except KciError as error:
                if isinstance(error, ApiError) and not error.retryable:
                    raise
                self._wait_for(redacted(f"{type(error).__name__}: {error}"))
                if isinstance(error, CannotRun):
                    self._presence.lab_failed(str(error))
            except Exception as error:
                log.exception("bug in the bridge")
                self._presence.lab_failed(f"bug in the bridge: {type(error).__name__}")
            else:
                self._wait_for("")
                return
            await _unless(stop, asyncio.sleep(PAUSE))

    def _wait_for(self, reason: str) -> None:
        """Say why we wait: once, not every few seconds."""
        if reason and reason != self._reason:
            log.warning("waiting", reason=reason)
        elif self._reason and not reason:
            log.info("waited", reason=self._reason)
        self._reason = reason

    async def _recover(self, lab: Lab) -> None:
        """Take back what a former life started, as far as the API lets us."""
        for node_id, handle in (await self._dialect.recover()).items():
            if self._has(node_id):
                continue  # of an earlier attempt to recover
            try:
                claimed = await self._api.adopt(
                    node_id, self._settings.runtime, self._settings.lease
                )
            except (Conflict, NotFound):
                log.info("job of a former life stopped", job_id=handle)
                await self._dialect.cancel(handle)
            else:
                self._start(lab, claimed, handle)
        for folder in left_behind(self._settings.runs):
            if self._dialect.is_remote:
                for run in folder.iterdir():
                    await self._return_to(lab, run.name)
            shutil.rmtree(folder, ignore_errors=True)

    async def _return_to(self, lab: Lab, run: str) -> None:
        """Take back a job that went on without us, unless others have it by now."""
        node_id, _, attempt = run.rpartition("-")[0].rpartition("-")
        if self._has(node_id) or not attempt.isdigit():
            return
        handle = await self._dialect.find(node_id)
        lease = self._settings.lease
        try:
            claimed = await self._api.adopt(
                node_id, self._settings.runtime, lease, attempt=int(attempt)
            )
        except (Conflict, NotFound):
            node = await self._api.get(node_id)
            is_over = node is None or node.state is State.DONE
            if handle is not None and is_over:
                await self._dialect.cancel(handle)
            return
        if handle is None:
            held = Held(self._api, claimed, lease)
            await held.release("the bridge was stopped before the lab had the job")
        else:
            self._start(lab, claimed, handle)

    def _has(self, node_id: str) -> bool:
        return any(run.held.node.id == node_id for run in self._runs.values())

    async def _turn(self, lab: Lab, stop: asyncio.Event) -> None:
        """Claim once and start what came, or wait for room."""
        free = await _unless(stop, self._room())  # a dead lab does not answer
        if not free:
            await _unless(stop, self._next_end())
            return
        room = self._settings.max_jobs - len(self._runs)
        wanted = ClaimRequest(
            runtime=self._settings.runtime,
            platforms=sorted(free),
            max=min(room, MOST, *free.values()),  # all may be of the same platform
            lease=self._settings.lease,
            wait=BUSY_WAIT if self._runs else IDLE_WAIT,
        )
        claim = self._api.claim(wanted)
        # A claim that is cut off may be granted all the same, and what we give back
        # then goes to nobody. So it is let end, but where there is nothing to give.
        for claimed in await (claim if self._runs else _unless(stop, claim)) or []:
            self._start(lab, claimed)

    async def _next_end(self) -> None:
        """Wait until a job of ours ends, or for a while: others use the lab, too."""
        pause = asyncio.create_task(asyncio.sleep(PAUSE))
        try:
            await asyncio.wait(
                {pause, *self._runs}, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            pause.cancel()

    async def _room(self) -> dict[str, int]:
        """Tell for each platform how many jobs could start now; no zeros."""
        is_full = len(self._runs) >= self._settings.max_jobs
        if is_full and not self._presence.is_due:
            return {}
        slots = await self._dialect.slots()
        self._presence.lab_answered(self._capacity(slots))
        starting = Counter(
            _platform(run.held.node)
            for run in self._runs.values()
            if run.handle is None  # the lab does not know of it yet
        )
        free = {platform: slots[platform] - starting[platform] for platform in slots}
        return {p: count for p, count in free.items() if count > 0 and not is_full}

    def _capacity(self, slots: dict[str, int]) -> dict[str, int]:
        """Tell how many jobs can run at once: what is free, and what ours have."""
        most = self._settings.max_jobs
        found = self._dialect.capacity()
        if found is None:
            ours = (run for run in self._runs.values() if run.is_in_lab)
            running = Counter(_platform(run.held.node) for run in ours)
            found = {one: count + running[one] for one, count in slots.items()}
        return {platform: min(most, count) for platform, count in found.items()}

    def _start(self, lab: Lab, claimed: ClaimedNode, handle: str | None = None) -> None:
        run = JobRun(lab, Held(self._api, claimed, self._settings.lease), handle)
        node = claimed.node
        former = [
            task for task, old in self._runs.items() if old.held.node.id == node.id
        ]
        with bound_contextvars(node_id=node.id):  # in every log line of the task
            task = asyncio.create_task(_after(former, run))
        self._runs[task] = run
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        node_id = self._runs.pop(task).held.node.id
        if not task.cancelled() and (error := task.exception()):
            log.error("run failed", node_id=node_id, exc_info=error)
        self._presence.job_ended()

    async def _drain(self) -> None:
        """Let running jobs end; stop and give back what does not in time."""
        if self._runs:
            log.info("draining", jobs=len(self._runs))
            await asyncio.wait(set(self._runs), timeout=self._settings.drain)
        left = list(self._runs)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)


def _platform(node: Node) -> str:
    return str(getattr(node.data, "platform", None))


async def _after(former: list[asyncio.Task[None]], run: JobRun) -> None:
    """Run a job after its former runs here, whose claims lapsed, have let go of it."""
    for task in former:
        task.cancel()
    await asyncio.gather(*former, return_exceptions=True)
    await run.run()


async def _unless(stop: asyncio.Event, work: Coroutine[Any, Any, T]) -> T | None:
    """Return what `work` returns, or None when `stop` is set before."""
    task, stopped = asyncio.create_task(work), asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({task, stopped}, return_when=asyncio.FIRST_COMPLETED)
        return task.result() if task.done() else None
    finally:
        task.cancel()
        stopped.cancel()
        await asyncio.gather(task, stopped, return_exceptions=True)

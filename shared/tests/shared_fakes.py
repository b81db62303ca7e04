# SPDX-License-Identifier: LGPL-2.1-or-later
"""An API and a lab in memory, to run bridges against."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kci_shared.errors import Conflict, StorageError, Unavailable
from kci_shared.models import (
    NODE,
    ClaimedNode,
    ClaimRequest,
    Grant,
    Node,
    Report,
    Result,
    RuntimeReport,
    State,
)
from kci_shared.work import (
    Bridge,
    BridgeSettings,
    CannotRun,
    Dialect,
    LabJob,
    RunOutcome,
)

NOW = datetime(2026, 11, 1, tzinfo=UTC)


def a_node(node_id: str = "1", **data: Any) -> Node:
    return NODE.validate_python(
        {
            "id": node_id,
            "kind": "job",
            "name": "smoke",
            "owner": "me",
            "created": NOW,
            "updated": NOW,
            "data": {"runtime": "lab", "platform": "board", **data},
        }
    )


@dataclass
class Entry:
    node: Node
    token: int = 0
    attempt: int = 0
    expires: float = 0
    report: Report | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    notes: list[dict[str, Any]] = field(default_factory=list)
    released: list[str] = field(default_factory=list)


class FakeApi:
    """Claims as the real API gives them; `away` makes every call fail."""

    def __init__(self) -> None:
        self.entries: dict[str, Entry] = {}
        self.reports: list[tuple[str, Report]] = []
        self.away = False
        self.refuse: Callable[[Report], Exception | None] = lambda _: None
        self.loss = 0.0
        self.said: list[RuntimeReport] = []
        self.refusal: Exception | None = None
        self._random = random.Random(7)  # noqa: S311 - the same in each run

    def add(self, *nodes: Node) -> None:
        self.entries |= {node.id: Entry(node) for node in nodes}

    def end(self, node_id: str) -> None:
        """Let somebody cancel the node."""
        entry = self.entries[node_id]
        entry.token += 1
        entry.node = entry.node.model_copy(update={"state": State.DONE})

    def take_away(self, node_id: str) -> None:
        """Let somebody else claim the node."""
        self.entries[node_id].token += 1

    @property
    def all_done(self) -> bool:
        return all(entry.report for entry in self.entries.values())

    async def claim(self, wanted: ClaimRequest) -> list[ClaimedNode]:
        deadline = asyncio.get_running_loop().time() + wanted.wait
        while True:
            await self._reach()
            if found := self._grant(wanted):
                return found
            if asyncio.get_running_loop().time() > deadline:
                return []
            await asyncio.sleep(0.01)

    def _grant(self, wanted: ClaimRequest) -> list[ClaimedNode]:
        now = asyncio.get_running_loop().time()
        free = [
            entry
            for entry in self.entries.values()
            if not entry.report
            and entry.expires <= now
            and entry.node.data.platform in wanted.platforms
        ]
        return [self._hand_over(entry, wanted.lease) for entry in free[: wanted.max]]

    def _hand_over(self, entry: Entry, lease: float) -> ClaimedNode:
        entry.token += 1
        entry.attempt += 1
        entry.expires = asyncio.get_running_loop().time() + lease
        return ClaimedNode(node=entry.node, claim=self._claim(entry))

    def _claim(self, entry: Entry) -> Grant:
        return Grant(token=entry.token, expires=NOW, attempt=entry.attempt)

    async def _reach(self) -> None:
        await asyncio.sleep(0)
        if self.away:
            raise Unavailable("away")

    async def _held(self, node_id: str, token: int) -> Entry:
        await self._reach()
        entry = self.entries[node_id]
        if self._random.random() < self.loss:
            entry.token += 1
            entry.expires = 0
        if entry.token != token:
            raise Conflict("claimed by somebody else")
        return entry

    async def renew(self, node_id: str, token: int, lease: float) -> Grant:
        entry = await self._held(node_id, token)
        if entry.report:
            raise Conflict("done")
        entry.expires = asyncio.get_running_loop().time() + lease
        return self._claim(entry)

    async def note(self, node_id: str, token: int, data: dict[str, Any]) -> Grant:
        entry = await self._held(node_id, token)
        entry.facts |= data
        entry.notes.append(data)
        return self._claim(entry)

    async def get(self, node_id: str) -> Node | None:
        await self._reach()
        entry = self.entries.get(node_id)
        return None if entry is None else entry.node

    async def find(self, *, id__in: str, state: State, limit: int) -> list[Node]:
        await self._reach()
        assert state is State.DONE
        found = [self.entries[node_id] for node_id in id__in.split(",")]
        return [e.node for e in found if e.report or e.node.state is State.DONE]

    async def adopt(
        self, node_id: str, runtime: str, lease: float, attempt: int | None = None
    ) -> ClaimedNode:
        await self._reach()
        entry = self.entries.get(node_id)
        if entry is None or entry.report or attempt not in (None, entry.attempt):
            raise Conflict("not yours")
        entry.attempt -= 1  # it is the same one
        return self._hand_over(entry, lease)

    async def release(self, node_id: str, token: int, reason: str) -> None:
        entry = await self._held(node_id, token)
        entry.expires, entry.attempt = 0, entry.attempt - 1
        entry.released.append(reason)

    async def register(self, runtime: str, report: RuntimeReport) -> None:
        await self._reach()
        if self.refusal:
            raise self.refusal
        self.said.append(report)

    async def report(self, node_id: str, report: Report) -> Node:
        entry = await self._held(node_id, report.token)
        if error := self.refuse(report):
            raise error
        entry.report = report
        self.reports.append((node_id, report))
        return entry.node.model_copy(update={"state": State.DONE})


class FakeStorage:
    """Every URL is there, but for those that say `missing`."""

    def __init__(self) -> None:
        self.fetched: list[str] = []
        self.stored: dict[str, bytes] = {}

    async def fetch(self, url: str, folder: Path) -> Path:
        await asyncio.sleep(0)
        if "missing" in url:
            raise StorageError(f"reading {url}: 404")
        self.fetched.append(url)
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / url.replace("/", "_")
        file.write_text(url)
        return file

    async def put_file(self, path: Path) -> str:
        self.stored[path.name] = path.read_bytes()
        return f"http://storage/{path.name}"


Behaviour = Callable[[LabJob], RunOutcome]


class FakeLab(Dialect):
    """A lab whose jobs last a moment and end as `behave` says."""

    def __init__(self, slots: int = 1, seconds: float = 0.0) -> None:
        self.size = slots
        self.seconds = seconds
        self.platforms = ["board"]
        self.failing = 0.0
        self.behave: Behaviour = lambda _: RunOutcome(Result.PASS)
        self.surviving: dict[str, str] = {}
        self.jobs: list[LabJob] = []
        self.running: dict[str, asyncio.Event] = {}
        self.most = Counter[str]()
        self.cancelled: list[str] = []
        self._random = random.Random(7)  # noqa: S311 - the same in each run

    async def slots(self) -> dict[str, int]:
        await asyncio.sleep(0)
        free = max(0, self.size - len(self.running))
        return dict.fromkeys(self.platforms, free)

    async def submit(self, job: LabJob) -> str:
        await asyncio.sleep(0.001)  # time enough to claim too much
        if self._random.random() < self.failing:
            raise CannotRun("the power switch does not answer")
        handle = f"run-{job.id}"
        if handle not in self.running:
            self.jobs.append(job)
            self.running[handle] = asyncio.Event()
        self.most["at once"] = max(self.most["at once"], len(self.running))
        return handle

    async def wait(self, job: LabJob, handle: str) -> RunOutcome:
        cancelled = self.running.setdefault(handle, asyncio.Event())
        try:
            async with asyncio.timeout(self.seconds):
                await cancelled.wait()
        except TimeoutError:
            return self.behave(job)
        finally:
            self.running.pop(handle, None)
        return RunOutcome(Result.PASS)

    async def cancel(self, handle: str) -> None:
        self.cancelled.append(handle)
        if handle in self.running:
            self.running[handle].set()

    async def recover(self) -> dict[str, str]:
        return self.surviving


class FakeRemoteLab(FakeLab):
    """A lab whose jobs go on without a bridge, and are found by their node's id."""

    is_remote = True

    async def find(self, node_id: str) -> str | None:
        handle = f"run-{node_id}"
        return handle if handle in self.running else None

    async def wait(self, job: LabJob, handle: str) -> RunOutcome:
        ended = self.running[handle]
        await ended.wait()
        self.running.pop(handle, None)
        return self.behave(job)

    def end(self, handle: str) -> None:
        self.running[handle].set()


class Site:
    """One API, one storage, one lab, and as many bridges as a test starts."""

    def __init__(self, folder: Path) -> None:
        self.api = FakeApi()
        self.storage = FakeStorage()
        self.lab = FakeLab()
        self.folder = folder
        self.stop = asyncio.Event()
        self._bridges: list[asyncio.Task[None]] = []

    def start(self, **settings: Any) -> asyncio.Task[None]:
        told = {
            "api_url": "http://api",
            "token": "t",
            "storage_url": "http://storage",
            "runtime": "lab",
            "cache": self.folder,
            "lease": 0.3,
            "drain": 0,
            **settings,
        }
        bridge = Bridge(self.api, self.storage, self.lab, BridgeSettings(**told))
        self._bridges.append(asyncio.create_task(bridge.run(self.stop)))
        return self._bridges[-1]

    async def until(self, wanted: Callable[[], object], seconds: float = 60) -> None:
        """Wait until something is so, and fail when it never is."""
        async with asyncio.timeout(seconds):
            while not wanted():
                for bridge in self._bridges:
                    if bridge.done() and not self.stop.is_set():
                        bridge.result()
                await asyncio.sleep(0.002)

    async def until_done(self) -> None:
        await self.until(lambda: self.api.all_done)

    async def end(self) -> None:
        self.stop.set()
        await asyncio.gather(*self._bridges)

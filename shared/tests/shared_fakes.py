# SPDX-License-Identifier: LGPL-2.1-or-later
"""An API and a lab in memory, to run bridges against."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from kci_fakes.api import Call, FakeApi
from kci_fakes.jobs import NOW, a_job_node
from kci_shared.errors import StorageError
from kci_shared.models import (
    ClaimRequest,
    Kind,
    Node,
    Outcome,
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

RUNTIME = "lab"


def a_node(node_id: str = "1", **data: Any) -> Node:
    """Return a job's node for the fake lab."""
    return a_job_node(node_id, runtime=RUNTIME, platform="board", **data)


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
        self.end(handle)

    def end(self, handle: str) -> None:
        """Let a job end, if it runs."""
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


class Site:
    """One API, one storage, one lab, and as many bridges as a test starts.

    The API's clock stands still, so that a claim expires only when a test says so.
    """

    def __init__(self, folder: Path) -> None:
        self.now = NOW
        self.api = FakeApi(now=lambda: self.now)
        self.storage = FakeStorage()
        self.lab = FakeLab()
        self.folder = folder
        self.stop = asyncio.Event()
        self.bridges: list[asyncio.Task[None]] = []

    def start(self, **settings: Any) -> asyncio.Task[None]:
        """Start a bridge."""
        values = {
            "api_url": "http://api",
            "token": "t",
            "storage_url": "http://storage",
            "runtime": RUNTIME,
            "cache": self.folder,
            "lease": 0.3,
            "drain": 0,
            **settings,
        }
        bridge = Bridge(self.api, self.storage, self.lab, BridgeSettings(**values))
        self.bridges.append(asyncio.create_task(bridge.run(self.stop)))
        return self.bridges[-1]

    async def stop_bridge(self, bridge: asyncio.Task[None]) -> None:
        """Stop a bridge; the next one may start."""
        self.stop.set()
        await bridge
        self.stop.clear()
        self.bridges.remove(bridge)

    @property
    def facts(self) -> list[dict[str, Any]]:
        """What was noted on nodes while their jobs ran."""
        return [data for _, data in self.api.notes]

    @property
    def registrations(self) -> list[RuntimeReport]:
        """What bridges registered of the lab."""
        return self.api.runtimes.get(RUNTIME, [])

    @property
    def outcome(self) -> Outcome:
        """The outcome in the first report."""
        return self.api.reports[0][1].outcome

    def attempt(self, node_id: str) -> int:
        """Return how often a node was claimed and not released."""
        return self.api.tree.attempts.get(node_id, 0)

    def hold(self, node_id: str) -> None:
        """Claim a waiting node, as an earlier process or another bridge does."""
        platform = getattr(self.api.nodes[node_id].data, "platform", "")
        self.api.claims.take(
            ClaimRequest(runtime=RUNTIME, platforms=[platform], lease=60)
        )

    def expire(self, node_id: str) -> None:
        """Let the claim of a node lapse; the attempt does not count."""
        node = self.api.nodes[node_id]
        if node.claim is not None:
            long_ago = self.now - timedelta(days=1)
            claim = node.claim.model_copy(update={"expires": long_ago})
            self.api.put(node.model_copy(update={"claim": claim}))
        self.api.tree.attempts[node_id] = 0

    def let_others_hold(self, node_id: str) -> None:
        """Let another bridge claim a node, for the next attempt."""
        attempt = self.attempt(node_id)
        self.expire(node_id)
        self.api.tree.attempts[node_id] = attempt
        self.hold(node_id)

    def cancel_node(self, node_id: str) -> None:
        """Let a person end a node."""
        self.api.take_away(node_id)
        self.api.change(node_id, state=State.DONE)

    def refuse(self, method: str, error: Callable[[Any], Exception | None]) -> None:
        """Let calls of a method fail with the error for their content, if any."""

        def disturb(call: Call) -> None:
            if call.method == method and (refusal := error(call.content)):
                raise refusal

        self.api.disturb = disturb

    def lose_claims(self, share: float) -> None:
        """Let a share of the writes to claimed nodes find the claim lapsed."""
        random_ = random.Random(7)  # noqa: S311 - the same in each run

        def disturb(call: Call) -> None:
            if call.method not in ("renew", "note", "report") or not call.node_id:
                return
            if random_.random() < share:
                self.expire(call.node_id)
                self.api.take_away(call.node_id)

        self.api.disturb = disturb

    def runs(self, node_id: str) -> list[Path]:
        """List the folders of a node's runs."""
        return list((self.folder / "runs" / RUNTIME).glob(f"life-*/{node_id}-*"))

    async def until(self, condition: Callable[[], object], seconds: float = 60) -> None:
        """Wait until a condition is true, and fail when it never is."""
        async with asyncio.timeout(seconds):
            while not condition():
                for bridge in self.bridges:
                    if bridge.done() and not self.stop.is_set():
                        bridge.result()
                await asyncio.sleep(0.002)

    async def until_done(self) -> None:
        """Wait until every job is reported."""
        await self.until(lambda: self._jobs() == {job for job, _ in self.api.reports})

    def _jobs(self) -> set[str]:
        nodes = self.api.nodes.values()
        return {node.id for node in nodes if node.kind is Kind.JOB}

    async def end(self) -> None:
        """Stop all bridges."""
        self.stop.set()
        await asyncio.gather(*self.bridges)

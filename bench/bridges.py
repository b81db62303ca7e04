# SPDX-License-Identifier: LGPL-2.1-or-later
"""Measures how long jobs of one lab take while the connections of another lab hang."""

import argparse
import asyncio
import os
import statistics
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NoReturn

from bench.site import Bench, running
from kci_shared.client import ApiClient
from kci_shared.logging import configure
from kci_shared.models import Kind, NewNode, Result, State
from kci_shared.settings import LogFormat
from kci_shared.storage import Storage
from kci_shared.work import Bridge, BridgeSettings, Dialect, LabJob, RunOutcome

GOOD, DEAD = "lab-local", "lab-lava"
"""Runtimes that have a token on every site."""
TOKENS = {GOOD: "local-bridge", DEAD: "lava-bridge"}
PLATFORM = "fake"
RUN_S = 0.2
"""How long a job of the fake lab runs."""
HUNG_JOBS = 50
MAX_ROUNDS = 6
"""With and without the dead lab, in turn; every second pair in reverse order."""
SETTLE_S = 4.0
"""How long to wait until earlier events are delivered."""


class FakeLab(Dialect):
    """A lab whose jobs only sleep."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._running: set[str] = set()

    async def slots(self) -> dict[str, int]:
        """Return how many jobs could start now."""
        return {PLATFORM: self._most - len(self._running)}

    async def submit(self, job: LabJob) -> str:
        """Start a job."""
        self._running.add(job.id)
        return job.id

    async def wait(self, _: LabJob, handle: str) -> RunOutcome:
        """Sleep as long as a job runs."""
        await asyncio.sleep(RUN_S)
        await self.cancel(handle)
        return RunOutcome(Result.PASS)

    async def cancel(self, handle: str) -> None:
        """Remove a job."""
        self._running.discard(handle)

    async def recover(self) -> dict[str, str]:
        """Return nothing: no job survives."""
        return {}


class DeadLab(FakeLab):
    """A lab whose server accepts every connection and never answers."""

    def __init__(self, most: int, port: int) -> None:
        super().__init__(most)
        self._port = port

    async def submit(self, job: LabJob) -> NoReturn:
        """Wait for an answer that never arrives."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            writer.write(f"run {job.id}\n".encode())
            await reader.read()
        finally:
            writer.close()
        raise AssertionError("a dead lab has answered")


@asynccontextmanager
async def bridge(bench: Bench, runtime: str, lab: FakeLab) -> AsyncIterator[ApiClient]:
    """Run a bridge to a lab while the context is open."""
    with tempfile.TemporaryDirectory() as cache:
        settings = BridgeSettings(
            api_url=bench.site.url("api"),
            storage_url=bench.site.url("storage"),
            token_file=bench.site.secrets.path(f"{TOKENS[runtime]}.token"),
            runtime=runtime,
            max_jobs=HUNG_JOBS,
            drain=0,
            cache=Path(cache),
        )
        async with (
            ApiClient.connect(settings) as api,
            Storage.connect(settings) as storage,
        ):
            stop = asyncio.Event()
            runs = Bridge(api, storage, lab, settings).run(stop)
            task = asyncio.create_task(runs)
            try:
                yield api
            finally:
                stop.set()
                await task


@asynccontextmanager
async def dead_lab(bench: Bench) -> AsyncIterator[None]:
    """Let the jobs of a lab hang while the context is open."""
    silent = asyncio.Event()

    async def say_nothing(
        _: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await silent.wait()
        writer.close()

    server = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    lab = DeadLab(HUNG_JOBS, server.sockets[0].getsockname()[1])
    try:
        async with bridge(bench, DEAD, lab) as api:
            while await held(api) < HUNG_JOBS:
                await asyncio.sleep(0.5)
            yield
    finally:
        silent.set()
        server.close()


async def held(api: ApiClient) -> int:
    """Count the jobs that the dead lab holds."""
    nodes = await api.find(kind="job", state="running")
    return sum(node.claim is not None for node in nodes)


async def submit(bench: Bench, runtime: str) -> str:
    """Create a job for a lab; return its node's id."""
    definition = {"artifacts": {}, "timeout": 3600}
    data = {"runtime": runtime, "platform": PLATFORM, "definition": definition}
    node = NewNode(kind=Kind.JOB, name="bench", data=data)
    answer = await bench.api.post(
        "/node", json=node.model_dump(mode="json", exclude_unset=True)
    )
    return str(answer.raise_for_status().json()["id"])


async def latencies(
    bench: Bench, api: ApiClient, jobs: int, pace: float
) -> list[float]:
    """Create jobs for the good lab at a steady rate; return their durations in ms."""
    await asyncio.sleep(SETTLE_S)
    start, ids = asyncio.get_running_loop().time(), []
    for number in range(jobs):
        now = asyncio.get_running_loop().time()
        await asyncio.sleep(max(0, start + number / pace - now))
        ids.append(await submit(bench, GOOD))
    return [await _took(api, node_id) for node_id in ids]


async def _took(api: ApiClient, node_id: str) -> float:
    while True:
        node = await api.get(node_id)
        assert node is not None
        if node.state is State.DONE:
            return (node.updated - node.created).total_seconds() * 1000
        await asyncio.sleep(0.2)


async def measure(jobs: int, pace: float) -> None:
    """Measure with and without the dead lab, in turn, and print both."""
    alone: list[list[float]] = []
    beside: list[list[float]] = []
    load, each = os.getloadavg()[0], jobs // MAX_ROUNDS
    async with running() as bench, bridge(bench, GOOD, FakeLab(HUNG_JOBS)) as api:
        await latencies(bench, api, 10, pace)
        await asyncio.gather(*(submit(bench, DEAD) for _ in range(3 * HUNG_JOBS)))
        for number in range(MAX_ROUNDS):
            if number % 2 == 0:
                alone.append(await latencies(bench, api, each, pace))
            async with dead_lab(bench):
                beside.append(await latencies(bench, api, each, pace))
            if number % 2 == 1:  # a drift of the machine affects both
                alone.append(await latencies(bench, api, each, pace))
    print(summary("alone", alone))
    print(summary("beside a dead lab", beside))
    print(comparison(alone, beside), end=" ")
    print(f"(load {load:.1f} before, {os.getloadavg()[0]:.1f} after)")


def summary(name: str, rounds: list[list[float]]) -> str:
    """Return p50 and p95 of all jobs, and the range of the rounds' medians."""
    times = [one for round_ in rounds for one in round_]
    p50, p95 = statistics.median(times), statistics.quantiles(times, n=20)[-1]
    medians = sorted(statistics.median(round_) for round_ in rounds)
    spread = f"(rounds {medians[0]:.0f} to {medians[-1]:.0f})"
    return f"{name}: {len(times)} jobs, p50 {p50:.0f} ms {spread}, p95 {p95:.0f} ms"


def comparison(alone: list[list[float]], beside: list[list[float]]) -> str:
    """Return the ratios of the medians of each pair of rounds, and their median."""
    pairs = zip(alone, beside, strict=True)
    ratios = sorted(statistics.median(b) / statistics.median(a) for a, b in pairs)
    listed = ", ".join(f"{ratio:.2f}" for ratio in ratios)
    return f"beside / alone: {statistics.median(ratios):.2f} of pairs {listed}"


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser("bench.bridges", description=__doc__)
    parser.add_argument("--jobs", type=int, default=210, help="with and without, each")
    parser.add_argument("--pace", type=float, default=5, help="jobs a second")
    arguments = parser.parse_args()
    configure(LogFormat.PRETTY, "warning")
    asyncio.run(measure(arguments.jobs, arguments.pace))


if __name__ == "__main__":
    main()

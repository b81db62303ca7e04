# SPDX-License-Identifier: LGPL-2.1-or-later
"""Measures a bridge alone: memory with many running jobs, and jobs per second.

Its API is a fake that always has jobs, and the jobs of its lab take no time.
"""

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from bench.bridges import PLATFORM, FakeLab
from bench.measure import cpu_seconds, resident_mib
from kci_local.ports import Ports
from kci_local.processes import Process, Processes
from kci_shared.client import ApiClient
from kci_shared.logging import configure
from kci_shared.models import Result
from kci_shared.settings import LogFormat
from kci_shared.storage import Storage
from kci_shared.work import Bridge, BridgeSettings, LabJob, RunOutcome

IN_FLIGHT = 1000
JOBS = 1000
LEASE_S = 60.0
"""A bridge's default."""
BEAT_S = LEASE_S / 3
"""Between two heartbeats of a job."""


class HeldLab(FakeLab):
    """A lab whose jobs run until `let_go` is set."""

    def __init__(self) -> None:
        super().__init__(IN_FLIGHT)
        self.full, self.let_go = asyncio.Event(), asyncio.Event()

    async def wait(self, _: LabJob, handle: str) -> RunOutcome:
        """Wait until all jobs may end."""
        if len(self._running) == IN_FLIGHT:
            self.full.set()
        await self.let_go.wait()
        await self.cancel(handle)
        return RunOutcome(Result.PASS)


class QuickLab(FakeLab):
    """A lab whose jobs end immediately, and that runs `JOBS` of them."""

    def __init__(self) -> None:
        super().__init__(IN_FLIGHT)
        self.begun = 0
        self.over = asyncio.Event()

    async def slots(self) -> dict[str, int]:
        """Return how many jobs are left."""
        return {PLATFORM: JOBS - self.begun}

    async def wait(self, _: LabJob, handle: str) -> RunOutcome:
        """Count a job."""
        await self.cancel(handle)
        self.begun += 1
        if self.begun == JOBS:
            self.over.set()
        return RunOutcome(Result.PASS)


@asynccontextmanager
async def fake_api(folder: Path) -> AsyncIterator[str]:
    """Run the fake API; yield its URL."""
    port = Ports(folder)["claims"]
    command = [sys.executable, "-m", "uvicorn", "bench.claims:app", "--no-access-log"]
    url = f"http://127.0.0.1:{port}"
    env = {"PYTHONPATH": str(Path.cwd())}
    part = Process("claims", [*command, "--port", str(port)], env, None, f"{url}/ready")
    processes = Processes(folder)
    try:
        await processes.start(part)
        await processes.until_ready(part)
        yield url
    finally:
        await processes.stop("claims")


@asynccontextmanager
async def bridge(url: str, lab: FakeLab, cache: Path) -> AsyncIterator[None]:
    """Run a bridge while the context is open."""
    settings = BridgeSettings(
        api_url=url,
        storage_url=url,
        token="none",  # noqa: S106 - the fake API ignores it
        runtime="lab",
        max_jobs=IN_FLIGHT,
        lease=LEASE_S,
        drain=300,  # all jobs must be reported
        cache=cache,
    )
    stop = asyncio.Event()
    async with (
        ApiClient.connect(settings) as api,
        Storage.connect(settings) as storage,
    ):
        task = asyncio.create_task(Bridge(api, storage, lab, settings).run(stop))
        try:
            yield
        finally:
            stop.set()
            await task


async def memory(url: str, folder: Path) -> None:
    """Print the memory and CPU of a bridge with all its jobs running."""
    pid, before, lab = os.getpid(), resident_mib(os.getpid()), HeldLab()
    begin = time.perf_counter()
    async with bridge(url, lab, folder):
        await lab.full.wait()
        filled = time.perf_counter() - begin
        await asyncio.sleep(BEAT_S / 2)  # facts about each job are written first
        cpu = cpu_seconds(pid)
        await asyncio.sleep(BEAT_S)
        share = (cpu_seconds(pid) - cpu) / BEAT_S
        full = resident_mib(pid)
        lab.let_go.set()
    each = (full - before) / IN_FLIGHT * 1024
    print(f"{IN_FLIGHT} jobs in flight after {filled:.1f} s: {full:.0f} MiB", end=" ")
    print(f"({before:.0f} idle, {each:.0f} KiB a job),", end=" ")
    print(f"a heartbeat each {BEAT_S:.0f} s takes {share:.0%} of a core")


async def throughput(url: str, folder: Path) -> None:
    """Print how many jobs a bridge claims, runs and reports per second."""
    lab, begin, cpu = QuickLab(), time.perf_counter(), cpu_seconds(os.getpid())
    async with bridge(url, lab, folder):
        await lab.over.wait()
    # the bridge has ended: it has reported all
    wall = time.perf_counter() - begin
    spent = cpu_seconds(os.getpid()) - cpu
    print(f"{JOBS} jobs: {JOBS / wall:.0f} jobs/s, {JOBS / spent:.0f} a CPU second")


async def main() -> None:
    """Measure both."""
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="kci-bench-") as folder:
        async with fake_api(Path(folder)) as url:
            await memory(url, Path(folder) / "cache")
            await throughput(url, Path(folder) / "cache")
    print(f"(load {load:.1f} before, {os.getloadavg()[0]:.1f} after)")


if __name__ == "__main__":
    configure(LogFormat.PRETTY, "error")
    asyncio.run(main())

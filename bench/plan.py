# SPDX-License-Identifier: LGPL-2.1-or-later
"""What planning costs: `make bench-plan`.

One build of a configuration as large as KernelCI's has passed, and 144 jobs follow. The
present system makes 1,536 calls for that, one after the other: 77 s at 50 ms each.
"""

import asyncio
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console
from rich.table import Table

from bench.measure import cpu_seconds
from bench.site import Bench, running
from kci_config.upstream import Report, Upstream, translate, write
from kci_fakes import production
from kci_scheduler.closing import Closing
from kci_scheduler.scheduler import Scheduler
from kci_shared.client import ApiClient
from kci_shared.config import Config, load
from kci_shared.models import Event, NewNode, Node, NodeChange, Op

PRESENT_CALLS = 1536
MAX_ROUNDS = 5
LATENCY_S = 0.05
REVISION = {
    "tree": "tree-00",
    "url": "https://git.example.org/0/linux.git",
    "branch": "for-0",
    "version": {"version": 6, "patchlevel": 12},
}
KERNEL = {"kernel": "https://storage.example.org/Image"}
PASSED = {"state": "done", "result": "pass"}


async def main() -> None:
    """Measure, and print what came out."""
    with tempfile.TemporaryDirectory(prefix="kci-plan-") as folder:
        config, load_s = _configuration(Path(folder))
    async with running() as bench:
        figures = [await _plan(bench, config, number) for number in range(MAX_ROUNDS)]
    best = min(figures, key=lambda figure: figure.seconds)
    busy = min(figures, key=lambda figure: figure.cpu)
    table = Table("", "ours", "present system")
    files = f"{len(config.tests)} tests, {len(config.platforms)} platforms"
    table.add_row(
        f"reading the configuration ({files})", f"{load_s:.2f} s", "0.7-1.1 s"
    )
    table.add_row("jobs that follow from one build", str(best.jobs), "144")
    table.add_row("calls of the API and of labs", str(best.calls), str(PRESENT_CALLS))
    table.add_row("time, with the API beside it", f"{best.seconds:.2f} s", "")
    parts = f"{busy.cpu:.2f} s, {busy.cpu_api:.2f} s, {busy.cpu_database:.2f} s"
    table.add_row("CPU time of scheduler, API, database", parts, "")
    away = best.seconds + best.calls * LATENCY_S
    table.add_row("time, with the API 50 ms away", f"{away:.2f} s", "77 s")
    Console().print(table)


def _configuration(folder: Path) -> tuple[Config, float]:
    """Import a configuration of production size; return how long reading it takes."""
    report = Report()
    production.write(folder / "upstream")
    upstream = Upstream.read(folder / "upstream", report)
    write(translate(upstream, report), folder / "ours")
    times = []
    for _ in range(3):
        start = time.perf_counter()
        config = load(folder / "ours")
        times.append(time.perf_counter() - start)
    return config, min(times)


@dataclass(frozen=True)
class Figures:
    """What planning one event took."""

    jobs: int
    calls: int
    seconds: float
    cpu: float
    cpu_api: float
    cpu_database: float


async def _plan(bench: Bench, config: Config, number: int) -> Figures:
    """Plan what follows from a build."""
    calls = 0

    async def count(_: httpx.Request) -> None:
        nonlocal calls
        calls += 1

    async with httpx.AsyncClient(
        base_url=bench.site.url("api"),
        headers=bench.headers,
        event_hooks={"request": [count]},
        timeout=60,
    ) as http:
        api = ApiClient(http)
        build = await _submit(api, config, number)
        scheduler = Scheduler(lambda: config, api, Closing(api))
        calls, before = 0, _times(bench)
        await scheduler.on_event(_event(build))
        made, after = calls, _times(bench)
        jobs = await api.count(parent=build.id, kind="job")
    took = [end - start for start, end in zip(before, after, strict=True)]
    return Figures(jobs, made, *took)


def _times(bench: Bench) -> tuple[float, float, float, float]:
    api, database = (cpu_seconds(bench.pid(name)) for name in ("api", "mongo"))
    return time.perf_counter(), time.process_time(), api, database


async def _submit(api: ApiClient, config: Config, number: int) -> Node:
    commit = {"kernel_revision": {**REVISION, "commit": f"{number:040x}"}}
    [built] = config.builds[production.MAIN].matrix(production.MAIN)
    open_ = {"state": "available", "result": "pass", "data": commit}
    root = await _create(api, kind="checkout", name="checkout", **open_)
    build = {"kind": "kbuild", "name": built.name, "artifacts": KERNEL, **PASSED}
    return await _create(api, parent=root.id, **build)


async def _create(api: ApiClient, **fields: Any) -> Node:
    return await api.create(NewNode.model_validate(fields))


def _event(node: Node) -> Event:
    told = node.model_dump(mode="json", include={*NodeChange.model_fields})
    change = NodeChange(op=Op.CREATED, **told)
    return Event(id=f"{node.id}-1", time=datetime.now(UTC), data=change)


if __name__ == "__main__":
    asyncio.run(main())

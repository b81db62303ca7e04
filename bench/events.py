# SPDX-License-Identifier: LGPL-2.1-or-later
"""Measures a service with a backlog: events handled per second, and per CPU second.

The service is this process; it handles the events of 100 trees.
"""

import argparse
import asyncio
import os
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from redis.asyncio import Redis

from bench.catching_up import write_history
from bench.page import write_between
from bench.requests import CHECKOUT
from bench.site import Bench, running
from kci_shared.client import ApiClient
from kci_shared.events import EventStream
from kci_shared.logging import configure
from kci_shared.models import (
    CHANNEL,
    Event,
    Kind,
    NewNode,
    Node,
    NodeChange,
    Op,
    Result,
    State,
)
from kci_shared.secret import Secret
from kci_shared.settings import LogFormat, ServiceSettings

TREES = 100
BATCH = 500


@dataclass(frozen=True)
class Speed:
    """How fast a replica was."""

    events: int
    wall_s: float
    cpu_s: float

    @property
    def per_second(self) -> float:
        """Events handled per second."""
        return self.events / self.wall_s

    @property
    def per_cpu_second(self) -> float:
        """Events handled per second of the replica's CPU time."""
        return self.events / self.cpu_s


class Service:
    """Counts events, and may read a node for each."""

    def __init__(self, events: int, api: ApiClient, node_id: str | None = None) -> None:
        self._left = events
        self._api = api
        self._node_id = node_id
        self.stop = asyncio.Event()

    async def on_event(self, event: Event) -> None:
        """Handle an event."""
        if self._node_id is not None:
            await self._api.get(self._node_id)
        self._left -= 1
        if self._left == 0:
            self.stop.set()

    async def sweep(self) -> AsyncIterator[Node]:
        """Find nothing to do."""
        no_nodes: list[Node] = []
        for node in no_nodes:
            yield node


async def write_backlog(redis: Redis, events: int) -> None:
    """Put events of many trees into an empty stream."""
    await redis.delete(CHANNEL)
    for first in range(1, events + 1, BATCH):
        async with redis.pipeline() as steps:
            for number in range(first, min(first + BATCH, events + 1)):
                fields: Any = {"event": _event(number).model_dump_json(by_alias=True)}
                steps.xadd(CHANNEL, fields, id=f"{number}-0")
            await steps.execute()


def _event(number: int) -> Event:
    change = NodeChange(
        op=Op.UPDATED,
        id=f"{number:024x}",
        kind=Kind.JOB,
        name="baseline-arm64",
        path=["checkout", "kbuild-gcc-12-arm64", "baseline-arm64"],
        group="baseline",
        state=State.DONE,
        result=Result.PASS,
        owner="lava-bridge",
        treeid=f"{number % TREES:024x}",
        previous_state=State.RUNNING,
        data={
            "platform": "bcm2711-rpi-4-b",
            "runtime": "lava-lab",
            "job_id": str(number),
            "kernel_revision": {
                "tree": "mainline",
                "url": "https://git.kernel.org/pub/scm/linux/kernel/git/torvalds/linux",
                "branch": "master",
                "commit": "0123456789abcdef0123456789abcdef01234567",
                "describe": "v6.18-rc7-123-g0123456789ab",
                "version": {"version": 6, "patchlevel": 18, "extra": "-rc7"},
            },
        },
    )
    return Event(
        id=f"{number:024x}-2", time=datetime.now(UTC), data=change, sequence=number
    )


async def catch_up(
    settings: ServiceSettings, api: ApiClient, service: Service, events: int
) -> Speed:
    """Handle a backlog, and measure this process."""
    async with EventStream.connect(settings, api, "bench") as stream:
        wall, cpu = time.perf_counter(), time.process_time()
        await stream.deliver(service.on_event, service.stop, sweep=service.sweep)
        return Speed(events, time.perf_counter() - wall, time.process_time() - cpu)


async def measure(bench: Bench, events: int) -> dict[str, Speed]:
    """Measure each kind of handler, and the history."""
    token = Secret("KCI_TOKEN", file=bench.site.secrets.path("outside.token"))
    settings = ServiceSettings(
        api_url=bench.site.url("api"), token=token, redis_url=bench.site.redis_url
    )
    # a database of its own: the relay would take the backlog for its own events
    apart = settings.model_copy(
        update={"redis_url": bench.site.redis_url.removesuffix("/0") + "/1"}
    )
    speeds = {}
    async with (
        ApiClient.connect(settings) as api,
        Redis.from_url(apart.redis_url) as redis,
    ):
        node = await api.create(NewNode(kind=Kind.CHECKOUT, name="checkout"))
        for title, node_id in (("no call", None), ("one GET", node.id)):
            await redis.flushdb()
            await write_backlog(redis, events)
            service = Service(events, api, node_id)
            speeds[title] = await catch_up(apart, api, service, events)
        speeds["no call, from the history"] = await _from_history(
            bench, settings, api, events
        )
    return speeds


async def _from_history(
    bench: Bench, settings: ServiceSettings, api: ApiClient, events: int
) -> Speed:
    first = await write_history(bench, events)
    last = first + events - 1
    while not await bench.redis.xrange(CHANNEL, f"{last}-0"):
        await bench.api.post("/node", json=CHECKOUT)  # wakes the relay
        await asyncio.sleep(0.1)
    await bench.redis.xtrim(CHANNEL, maxlen=1, approximate=False)
    return await catch_up(settings, api, Service(events, api), events)


def table(speeds: dict[str, Speed]) -> list[str]:
    """Return the page's table."""
    lines = ["| handler | events/s | events per CPU second of the replica |"]
    lines.append("|---|---|---|")
    for title, speed in speeds.items():
        figures = f"{speed.per_second:,.0f} | {speed.per_cpu_second:,.0f}"
        lines.append(f"| {title} | {figures} |")
    return lines


async def main() -> None:
    """Measure, print, and write the page."""
    parser = argparse.ArgumentParser("bench.events", description=__doc__)
    parser.add_argument("--events", type=int, default=10_000)
    events = parser.parse_args().events
    configure(LogFormat.PRETTY, "error")
    begin = os.getloadavg()[0]
    async with running() as bench:
        lines = table(await measure(bench, events))
    load = f"load {begin:.1f} before, {os.getloadavg()[0]:.1f} after"
    about = f"Measured on {date.today()}, {os.cpu_count()} cores, {load}:"
    lines = [f"{about} {events:,} events.", "", *lines]
    print("\n".join(lines))
    write_between("bench-events", lines)


if __name__ == "__main__":
    asyncio.run(main())

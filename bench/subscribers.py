# SPDX-License-Identifier: LGPL-2.1-or-later
"""Many who listen to one process, while events are written at a steady pace."""

import asyncio
import json
import re
import time
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from bench.measure import cpu_seconds, resident_mib
from bench.requests import CHECKOUT
from bench.site import Bench

FRAME = b"\ndata: "
PLACE = re.compile(rb"^id: (\d+)$", re.M)
EACH = 25
"""Nodes, and so events, of one request."""
CHUNK = 1 << 20


@dataclass
class Subscriber:
    """One connection; counts the events, and may note their places, too."""

    count: int = 0
    tail: bytes = b""
    places: list[int] | None = None
    heard: bytearray = field(default_factory=bytearray)

    def take(self, chunk: bytes) -> None:
        """Count the events of a chunk; one may end in the next."""
        self.count += (self.tail + chunk).count(FRAME)
        self.tail = chunk[-len(FRAME) + 1 :]
        if self.places is not None:
            self.heard += chunk


@dataclass(frozen=True)
class Figures:
    """How it went."""

    subscribers: int
    events: int
    delivered: int
    complete: bool
    per_cpu_second: float
    mib_before: float
    mib_connected: float
    mib_after: float
    write_ms: float
    """The median of the requests that wrote."""
    late_s: float
    """From the last answer to a writer to the last delivery."""


async def subscribers(bench: Bench, many: int, seconds: int, pace: int) -> Figures:
    """Let many listen while `pace` events a second are written."""
    pid, before = bench.pid("api"), resident_mib(bench.pid("api"))
    everybody = [Subscriber(places=[] if n < 10 else None) for n in range(many)]
    tasks = []
    for one in everybody:
        tasks.append(asyncio.create_task(_listen(bench, one)))
        await asyncio.sleep(0.002)
    await asyncio.sleep(3)
    connected, cpu = resident_mib(pid), cpu_seconds(pid)
    times = await _write(bench, seconds, pace)
    events = len(times) * EACH
    end = time.perf_counter()
    while any(one.count < events for one in everybody):
        await asyncio.sleep(0.1)
        if time.perf_counter() > end + 60:
            break
    late, cpu = time.perf_counter() - end, cpu_seconds(pid) - cpu
    for task in tasks:
        task.cancel()
    delivered = sum(one.count for one in everybody)
    return Figures(
        subscribers=many,
        events=events,
        delivered=delivered,
        complete=all(_complete(one, events) for one in everybody),
        per_cpu_second=delivered / cpu,
        mib_before=before,
        mib_connected=connected,
        mib_after=resident_mib(pid),
        write_ms=sorted(times)[len(times) // 2] * 1000,
        late_s=late,
    )


async def _write(bench: Bench, seconds: int, pace: int) -> list[float]:
    """Write events at a steady pace; return how long each request took."""
    times, start = [], time.perf_counter()
    for number in range(seconds * pace // EACH):
        await asyncio.sleep(max(0, start + number * EACH / pace - time.perf_counter()))
        begin = time.perf_counter()
        answer = await bench.api.post("/nodes", json=[CHECKOUT] * EACH)
        answer.raise_for_status()
        times.append(time.perf_counter() - begin)
    return times


async def _listen(bench: Bench, subscriber: Subscriber) -> None:
    host = urlsplit(bench.site.url("api"))
    reader, writer = await asyncio.open_connection(
        host.hostname, host.port, limit=CHUNK
    )
    writer.write(b"GET /latest/events/stream HTTP/1.1\r\nHost: x\r\n\r\n")
    while chunk := await reader.read(CHUNK):
        subscriber.take(chunk)


def _complete(subscriber: Subscriber, events: int) -> bool:
    if subscriber.places is None:
        return subscriber.count == events
    places = [int(one) for one in PLACE.findall(bytes(subscriber.heard))]
    return places == list(range(places[0], places[0] + events))


def as_json(figures: Figures) -> str:
    """Say figures for a person."""
    return json.dumps(vars(figures), indent=1)

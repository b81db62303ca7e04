# SPDX-License-Identifier: LGPL-2.1-or-later
"""One who was away for a hundred thousand events."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bson import ObjectId
from pymongo import WriteConcern

from bench.measure import cpu_seconds
from bench.site import Bench
from bench.subscribers import PLACE

BATCH = 1000


@dataclass(frozen=True)
class CaughtUp:
    """How it went."""

    events: int
    complete: bool
    seconds: float
    per_cpu_second: float


async def catch_up(bench: Bench, missed: int) -> CaughtUp:
    """Write a long history, and let a client read it from where it was."""
    first = await write_history(bench, missed)
    pid, places = bench.pid("api"), []
    begin, cpu, rest = time.perf_counter(), cpu_seconds(pid), b""
    headers = {"Last-Event-ID": str(first - 1)}
    async with bench.api.stream("GET", "/events/stream", headers=headers) as answer:
        async for chunk in answer.aiter_bytes():
            whole, _, rest = (rest + chunk).rpartition(b"\n\n")
            places += [int(place) for place in PLACE.findall(whole)]
            if len(places) >= missed:
                break
    seconds, cpu = time.perf_counter() - begin, cpu_seconds(pid) - cpu
    complete = places[:missed] == list(range(first, first + missed))
    return CaughtUp(missed, complete, seconds, missed / cpu)


async def write_history(bench: Bench, missed: int) -> int:
    """Append events to the history; return the place of the first."""
    events = bench.database["event"].with_options(write_concern=WriteConcern(w=1))
    last = await events.find().sort("sequence", -1).limit(1).to_list()
    first: int = last[0]["sequence"] + 1
    start = last[0]["timestamp"] + timedelta(milliseconds=1)
    kept = last[0]["event"]
    for begin in range(0, missed, BATCH):
        await events.insert_many(
            [
                {
                    "_id": f"{ObjectId()}-1",
                    "sequence": first + n,
                    "timestamp": start + timedelta(milliseconds=n),
                    "event": {**kept, "time": datetime.now(UTC).isoformat()},
                }
                for n in range(begin, min(begin + BATCH, missed))
            ]
        )
    return first

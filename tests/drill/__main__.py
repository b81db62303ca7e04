# SPDX-License-Identifier: LGPL-2.1-or-later
"""Kills servers while others write and listen: `python -m drill --kills 200`."""

import argparse
import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from random import Random
from typing import Any

import httpx
from pydantic_core import from_json
from redis.asyncio import Redis

from drill.conclusion import conclude
from drill.listeners import ServiceListener, SseListener
from drill.system import APIS, VICTIMS, System, running
from drill.verdict import Outcome, faults
from drill.writers import Notes, Writer
from kci_shared.secret import Secret
from kci_shared.settings import ServiceSettings

WRITERS = 5
STALLED_S = 60
"""The drill gives up if nothing changes for so long."""
MAX_UP_S = 1.0
"""Longest time between two kills."""
MAX_DOWN_S = 0.5


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser("drill", description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


async def drill(kills: int, seed: int) -> list[str]:
    """Kill servers while others write and listen; return the faults found then."""
    async with running() as system, AsyncExitStack() as callers:
        apis = [await callers.enter_async_context(_caller(system, a)) for a in APIS]
        notes, stop = Notes(), asyncio.Event()
        listeners = [SseListener(apis), SseListener(apis[::-1])]
        service = ServiceListener(_service_settings(system))
        nodes = [(await apis[0].post("/node", json=ROOT)).json()["id"]]
        with _running([*(one.listen() for one in listeners), service.listen()]):
            async with asyncio.TaskGroup() as tasks:
                for number in range(WRITERS):
                    random = Random(f"{seed}/{number}")
                    writer = Writer(number, random, apis, notes)
                    tasks.create_task(writer.write(nodes, stop))
                await _kill(system, kills, Random(seed))
                stop.set()

            def received() -> list[list[str]]:
                return [*(one.ids for one in listeners), [*service.ids]]

            # after Redis has lost its data, a service gets old events again
            await _settled(system, received, lambda: service.deliveries)
            names = ("SSE 1", "SSE 2", "service")
            outcome = await _outcome(
                system, notes, dict(zip(names, received(), strict=True))
            )
    print(
        f"{len(notes.versions)} changes acknowledged, {len(outcome.history)} events,"
        f" {len(outcome.nodes)} nodes; {notes.unsure} requests without an answer,"
        f" {notes.refused} refused"
    )
    return list(faults(outcome))


ROOT = {"kind": "checkout", "name": "checkout"}


def _service_settings(system: System) -> ServiceSettings:
    return ServiceSettings(
        redis_url=system.site.redis_url,
        api_url=system.site.url(APIS[0]),
        token=Secret("KCI_TOKEN", file=system.site.secrets.path("outside.token")),
    )


def _caller(system: System, api: str) -> httpx.AsyncClient:
    token = system.site.secrets.path("outside.token").read_text()
    return httpx.AsyncClient(
        base_url=f"{system.site.url(api)}/latest",
        headers={"Authorization": f"Bearer {token}"},
        timeout=httpx.Timeout(40),
        trust_env=False,
    )


@contextmanager
def _running(jobs: list[Any]) -> Iterator[None]:
    """Run coroutines while the context is open."""
    tasks = [asyncio.create_task(job) for job in jobs]
    try:
        yield
        for task in tasks:
            assert not task.done(), task.exception()
    finally:
        for task in tasks:
            task.cancel()


async def _kill(system: System, kills: int, random: Random) -> None:
    killed: Counter[str] = Counter()
    for number in range(1, kills + 1):
        await asyncio.sleep(random.uniform(0.1, MAX_UP_S))
        killed[await system.kill(random.choice(VICTIMS), random)] += 1
        await asyncio.sleep(random.uniform(0, MAX_DOWN_S))
        await system.start()
        if number % 20 == 0:
            print(f"{number} kills: {dict(killed)}", flush=True)
    print(", ".join(f"{name} {count}" for name, count in sorted(killed.items())))


async def _settled(
    system: System,
    received: Callable[[], list[list[str]]],
    deliveries: Callable[[], int],
) -> None:
    """Wait until all listeners have all events, or nothing changes for `STALLED_S`."""
    seen, end = None, time.monotonic() + STALLED_S
    while time.monotonic() < end:
        nodes, events = system.database["node"], system.database["event"]
        waiting = await nodes.count_documents({"outbox.version": {"$gt": 0}})
        newest = await events.find().sort("sequence", -1).limit(1).to_list()
        counts = [len(ids) for ids in received()]
        if not waiting and all(count >= newest[0]["sequence"] for count in counts):
            return
        if (state := (waiting, counts, deliveries())) != seen:
            seen, end = state, time.monotonic() + STALLED_S
        await asyncio.sleep(2)


async def _outcome(
    system: System, notes: Notes, received: dict[str, list[str]]
) -> Outcome:
    nodes = await system.database["node"].find().to_list()
    history = await system.database["event"].find().to_list()
    async with Redis.from_url(system.site.redis_url, decode_responses=True) as redis:
        entries: Any = await redis.xrange("node")
    stream = [from_json(fields["event"])["id"] for _, fields in entries]
    history.sort(key=lambda event: int(event["sequence"]))
    return Outcome(notes, nodes, history, stream, received)


def main() -> None:
    """Run a drill and report its faults."""
    arguments = parse_arguments()
    conclude(drill(arguments.kills, arguments.seed), arguments.seed)


if __name__ == "__main__":
    main()

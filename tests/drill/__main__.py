# SPDX-License-Identifier: LGPL-2.1-or-later
"""Run a drill: `python -m drill --kills 200 --seed 1`."""

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
from drill.system import APIS, System, running
from drill.verdict import Outcome, faults
from drill.writers import Notes, Writer

VICTIMS = ("api", "api-2", "relay", "redis", "mongo")
WRITERS = 5
PATIENCE_S = 60
"""How long nothing may move before the drill gives up waiting."""
LONGEST_LIFE_S = 1.0
LONGEST_DEATH_S = 0.5


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser("drill", description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


async def drill(kills: int, seed: int) -> list[str]:
    """Kill, while others write and listen; return what is wrong afterwards."""
    async with running() as system, AsyncExitStack() as callers:
        apis = [await callers.enter_async_context(_caller(system, a)) for a in APIS]
        notes, stop = Notes(), asyncio.Event()
        listeners = [SseListener(apis), SseListener(apis[::-1])]
        service = ServiceListener(system.site.redis_url)
        nodes = [(await apis[0].post("/node", json=ROOT)).json()["id"]]
        with _going_on([*(one.listen() for one in listeners), service.listen()]):
            async with asyncio.TaskGroup() as tasks:
                for number in range(WRITERS):
                    random = Random(f"{seed}/{number}")
                    writer = Writer(number, random, apis, notes)
                    tasks.create_task(writer.write(nodes, stop))
                await _kill(system, kills, Random(seed))
                stop.set()

            def heard() -> list[list[str]]:
                return [*(one.ids for one in listeners), [*service.ids]]

            # after a loss of Redis a service hears again what it knows: that is news
            await _settled(system, heard, lambda: service.deliveries)
            names = ("SSE 1", "SSE 2", "service")
            outcome = await _outcome(
                system, notes, dict(zip(names, heard(), strict=True))
            )
    print(
        f"{len(notes.versions)} changes acknowledged, {len(outcome.history)} events,"
        f" {len(outcome.nodes)} nodes; {notes.unsure} requests without an answer,"
        f" {notes.refused} refused"
    )
    return list(faults(outcome))


ROOT = {"kind": "checkout", "name": "checkout"}


def _caller(system: System, api: str) -> httpx.AsyncClient:
    token = system.site.secrets.path("outside.token").read_text()
    return httpx.AsyncClient(
        base_url=f"{system.site.url(api)}/latest",
        headers={"Authorization": f"Bearer {token}"},
        timeout=httpx.Timeout(40),
        trust_env=False,
    )


@contextmanager
def _going_on(jobs: list[Any]) -> Iterator[None]:
    """Let jobs run as long as the block lasts."""
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
        await asyncio.sleep(random.uniform(0.1, LONGEST_LIFE_S))
        killed[await system.kill(random.choice(VICTIMS), random)] += 1
        await asyncio.sleep(random.uniform(0, LONGEST_DEATH_S))
        await system.start()
        if number % 20 == 0:
            print(f"{number} kills: {dict(killed)}", flush=True)
    print(", ".join(f"{name} {count}" for name, count in sorted(killed.items())))


async def _settled(
    system: System, heard: Callable[[], list[list[str]]], deliveries: Callable[[], int]
) -> None:
    """Wait until every event has reached everybody, or nothing moves any more."""
    seen, end = None, time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        nodes, events = system.database["node"], system.database["event"]
        waiting = await nodes.count_documents({"outbox.version": {"$gt": 0}})
        newest = await events.find().sort("sequence", -1).limit(1).to_list()
        counts = [len(ids) for ids in heard()]
        if not waiting and all(count >= newest[0]["sequence"] for count in counts):
            return
        if (moved := (waiting, counts, deliveries())) != seen:
            seen, end = moved, time.monotonic() + PATIENCE_S
        await asyncio.sleep(2)


async def _outcome(
    system: System, notes: Notes, heard: dict[str, list[str]]
) -> Outcome:
    nodes = await system.database["node"].find().to_list()
    history = await system.database["event"].find().to_list()
    async with Redis.from_url(system.site.redis_url, decode_responses=True) as redis:
        entries: Any = await redis.xrange("node")
    stream = [from_json(fields["event"])["id"] for _, fields in entries]
    history.sort(key=lambda event: int(event["sequence"]))
    return Outcome(notes, nodes, history, stream, heard)


def main() -> None:
    """Run a drill, and say how it went."""
    arguments = parse_arguments()
    conclude(drill(arguments.kills, arguments.seed), arguments.seed)


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: LGPL-2.1-or-later
import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise

import httpx
import pytest
from fastapi import FastAPI

from integration.api_events.conftest import World
from kci_api.dependencies import provide
from kci_api.events import broadcast as broadcasting
from kci_api.events import routes
from kci_api.events.broadcast import Broadcast
from kci_api.events.byte_budget import Unread
from kci_api.history import routes as history_routes

pytestmark = pytest.mark.integration


@asynccontextmanager
async def on_air(world: World) -> AsyncIterator[Broadcast]:
    broadcast = await Broadcast.begin(world.history, world.stream)
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(broadcast.run(stop))
        yield broadcast
        stop.set()


async def follow(
    broadcast: Broadcast, after: int, count: int, received: list[str] | None = None
) -> list[str]:
    """Return `count` events; `received` gets them as they come."""
    received = [] if received is None else received
    async with asyncio.timeout(60):
        async for entry in broadcast.follow(after):
            received.append(entry.event["id"])
            if len(received) == count:
                return received
    return received


async def received_up_to(broadcast: Broadcast, place: int) -> None:
    async with asyncio.timeout(60):
        while broadcast.position < place:
            await asyncio.sleep(0.01)


async def test_a_follower_gets_past_events_then_new_ones(world: World) -> None:
    relay = world.relay()
    await world.change("a", "b", "c")
    await relay.turn()
    async with on_air(world) as broadcast:
        assert broadcast.position == 3
        received: list[str] = []
        following = asyncio.create_task(follow(broadcast, 1, 4, received))
        async with asyncio.timeout(60):
            while received != ["b-1", "c-1"]:
                await asyncio.sleep(0.01)
        await world.change("d", "e")
        await relay.turn()
        assert await following == ["b-1", "c-1", "d-1", "e-1"]


async def test_a_follower_far_behind_reads_the_history(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broadcasting, "RECENT", 3)
    monkeypatch.setattr(broadcasting, "PAGE", 2)
    relay = world.relay()
    async with on_air(world) as broadcast:
        for name in "abcdefghij":
            await world.change(name)
            await relay.turn()
        await received_up_to(broadcast, 10)
        received = await asyncio.gather(
            *(follow(broadcast, after, 10 - after) for after in range(10))
        )
    for after, events in enumerate(received):
        assert events == world.written[after:]


async def test_many_followers_get_each_event_once(world: World) -> None:
    relay = world.relay()
    async with on_air(world) as broadcast, asyncio.TaskGroup() as tasks:
        following = [tasks.create_task(follow(broadcast, 0, 60)) for _ in range(50)]
        for _ in range(20):
            await world.change("a", "b", "c")
            await relay.turn()
    for task in following:
        assert task.result() == world.written


async def test_followers_see_no_gap_when_redis_loses_its_data(world: World) -> None:
    relay = world.relay()
    async with on_air(world) as broadcast:
        following = asyncio.create_task(follow(broadcast, 0, 6))
        await world.change("a", "b", "c")
        await relay.turn()
        await received_up_to(broadcast, 3)
        await world.redis.flushall()
        await world.change("d", "e", "f")
        await relay.turn()
        assert await following == world.written


async def test_followers_see_no_gap_when_the_stream_is_trimmed(world: World) -> None:
    broadcast = await Broadcast.begin(world.history, world.stream)
    await world.change("a", "b", "c", "d")
    await world.relay().turn()
    await world.redis.xtrim("node", maxlen=1, approximate=False)
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(broadcast.run(stop))
        entries = await broadcast.read_after(0)
        stop.set()
    assert [entry.event["id"] for entry in entries] == world.written


async def test_waiting_ends_at_the_next_event_or_the_timeout(
    world: World,
) -> None:
    async with on_air(world) as broadcast:
        await broadcast.next_event(0.01)
        waiting = asyncio.create_task(broadcast.next_event(30))
        await asyncio.sleep(0)
        assert not waiting.done()
        await world.change("a")
        await world.relay().turn()
        async with asyncio.timeout(30):
            await waiting


@asynccontextmanager
async def served(world: World) -> AsyncIterator[tuple[httpx.AsyncClient, Broadcast]]:
    app = FastAPI()
    app.include_router(routes.router)
    app.include_router(history_routes.router)
    async with on_air(world) as broadcast:
        provide(app, [broadcast, world.history, Unread()])
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as http:
            yield http, broadcast


async def test_the_history_can_be_filtered_and_resumed_from_a_timestamp(
    world: World,
) -> None:
    await world.change("a", "b", "a", "c", "a")
    await world.relay().turn()
    async with served(world) as (http, _):

        async def ids(query: str) -> list[str]:
            events = (await http.get(f"/events?{query}")).raise_for_status().json()
            assert all(a["timestamp"] < b["timestamp"] for a, b in pairwise(events))
            return [event["id"] for event in events]

        assert await ids("") == world.written
        assert await ids("name=a&limit=2") == ["a-1", "a-2"]
        assert await ids("name=a&name=b&kind=job") == ["a-1", "b-1", "a-2", "a-3"]
        assert await ids("kind=test") == []
        assert await ids("node_id=c") == ["c-1"]
        assert await ids("id=a-2") == ["a-2"]
        assert await ids("ids=a-2,c-1,z-9") == ["a-2", "c-1"]
        assert await ids("offset=3&channel=node") == ["c-1", "a-3"]
        page = (await http.get("/events?limit=3")).json()
        assert list(page[0]) == [
            "id",
            "timestamp",
            "sequence_id",
            "channel",
            "owner",
            "data",
        ]
        # with an unescaped +, as existing clients send it
        assert await ids(f"from={page[-1]['timestamp']}") == world.written[3:]
        assert await ids(f"from={page[-1]['sequence_id']}") == world.written[3:]
        assert await ids("from=0&limit=2") == world.written[:2]
        assert await ids("from=1&name=a") == ["a-2", "a-3"]
        assert await ids(f"from={2**70}") == []


async def test_an_invalid_query_for_events_is_refused(world: World) -> None:
    async with served(world) as (http, _):
        for query in ("kind=banana", "foo=1", "limit=0", "limit=1001", "channel=x"):
            answer = await http.get(f"/events?{query}")
            assert answer.status_code == 422, query
        for query in ("kind=banana", "foo=1", "limit=1"):
            answer = await http.get(f"/events/stream?{query}")
            assert answer.status_code == 422, query
        headers = {"Last-Event-ID": "zzz"}
        answer = await http.get("/events/stream", headers=headers)
        assert answer.status_code == 422


async def test_the_stream_has_only_matching_events(world: World) -> None:
    await world.change("a", "b", "a", "c")
    await world.relay().turn()
    async with served(world) as (http, broadcast):
        # the transport returns a response only when it is complete
        asyncio.get_running_loop().call_later(1, broadcast.close)
        headers = {"Last-Event-ID": "1"}
        answer = await http.get("/events/stream?name=a&name=c", headers=headers)
    ids = [line for line in answer.text.splitlines() if line.startswith("id: ")]
    assert ids == ["id: 3", "id: 4"]
    assert answer.headers["cache-control"] == "no-cache"

# SPDX-License-Identifier: LGPL-2.1-or-later
"""A service beside the real API, whose stream is trimmed, emptied, or forgotten."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from pymongo import AsyncMongoClient
from redis.asyncio import Redis

from integration.conftest import OwnApi
from kci_shared.client import ApiClient
from kci_shared.events import EventStream
from kci_shared.models import CHANNEL, Event, Kind, NewNode, Node
from kci_shared.secret import Secret
from kci_shared.settings import ServiceSettings

pytestmark = pytest.mark.integration

WAIT_S = 60


@dataclass
class Site:
    """The API with its stores, and a service that notes the nodes that it handled."""

    api: ApiClient
    settings: ServiceSettings
    redis: Redis
    mongo_url: str
    created: list[str] = field(default_factory=list)
    handled: list[str] = field(default_factory=list)

    async def create(self, many: int) -> None:
        """Create nodes, and wait until the stream has their events."""
        for _ in range(many):
            node = await self.api.create(NewNode(kind=Kind.CHECKOUT, name="checkout"))
            self.created.append(node.id)
        while await self._last() < len(self.created):
            await asyncio.sleep(0.02)

    async def _last(self) -> int:
        newest: Any = await self.redis.xrevrange(CHANNEL, count=1)
        return int(newest[0][0].partition("-")[0]) if newest else 0

    async def shorten_history(self, first: int) -> None:
        """Delete the events before a position from the history."""
        async with AsyncMongoClient[dict[str, Any]](self.mongo_url) as mongo:
            events = mongo.get_default_database()["event"]
            await events.delete_many({"sequence": {"$lt": first}})

    async def run(self) -> None:
        """Run the service until it has handled every node."""
        stop = asyncio.Event()

        async def on_event(event: Event) -> None:
            self.handled.append(event.node_id)
            if set(self.handled) == set(self.created):
                stop.set()

        async def sweep() -> AsyncIterator[Node]:
            for node in await self.api.find(kind=Kind.CHECKOUT):
                if node.id not in self.handled:
                    yield node

        stream = EventStream.connect(self.settings, self.api, "test")
        async with stream as events, asyncio.timeout(WAIT_S):
            await events.deliver(on_event, stop, sweep=sweep)


@pytest.fixture
async def site(own_api: OwnApi, mongo_url: str, redis_url: str) -> AsyncIterator[Site]:
    token = await own_api.token("service", "nodes:write")
    settings = ServiceSettings(
        api_url=own_api.url, token=Secret("KCI_TOKEN", file=token), redis_url=redis_url
    )
    async with (
        ApiClient.connect(settings) as api,
        Redis.from_url(redis_url, decode_responses=True) as redis,
    ):
        yield Site(api, settings, redis, mongo_url)


async def test_a_service_without_events_sweeps(site: Site) -> None:
    await site.create(3)
    await site.redis.xtrim(CHANNEL, maxlen=0, approximate=False)
    await site.shorten_history(4)
    await site.run()
    assert sorted(site.handled) == sorted(site.created)


async def test_a_trimmed_stream_is_filled_from_the_history(site: Site) -> None:
    await site.create(2)
    await site.run()
    await site.create(8)
    await site.redis.xtrim(CHANNEL, maxlen=2, approximate=False)
    await site.run()
    await site.create(1)
    await site.run()
    assert site.handled[:2] == site.created[:2]
    assert set(site.handled) == set(site.created)


async def test_an_emptied_redis_and_a_shortened_history_lose_nothing(
    site: Site,
) -> None:
    await site.create(4)
    await site.run()
    await site.create(4)
    await site.shorten_history(7)
    await site.redis.flushall()
    await site.create(1)
    await site.run()
    assert set(site.handled) == set(site.created)

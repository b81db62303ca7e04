# SPDX-License-Identifier: LGPL-2.1-or-later
"""The path of an event step by step, with real stores."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from beanie import init_beanie
from pydantic_core import from_json
from pymongo import AsyncMongoClient
from pymongo.asynchronous.collection import AsyncCollection
from redis.asyncio import Redis

from integration.answers import Json
from kci_api.events.documents import EventDocument, LeaseDocument
from kci_api.events.lease import Lease
from kci_api.events.relay import Relay
from kci_api.events.store import EventStore, PendingEvents
from kci_api.events.stream import NodeStream

EPOCH = datetime(2026, 11, 22, tzinfo=UTC)


@dataclass
class World:
    """Stores, and changes of nodes."""

    nodes: AsyncCollection[Json]
    redis: Redis
    now: float = 1_000_000.0
    """The time of the relays' clocks."""
    written: list[str] = field(default_factory=list)
    """The ids of the events, in the order of the writes."""

    @property
    def history(self) -> EventStore:
        return EventStore(EventDocument.get_pymongo_collection())

    @property
    def stream(self) -> NodeStream:
        return NodeStream(self.redis)

    @property
    def waiting(self) -> PendingEvents:
        return PendingEvents(self.nodes)

    def lease(self) -> Lease:
        leases = LeaseDocument.get_pymongo_collection()
        return Lease(leases, "relay", lambda: self.now)

    def relay(self) -> Relay:
        return Relay(self.waiting, self.history, self.stream, self.lease())

    async def change(self, *names: str) -> None:
        """Write a change of each node, with its event, as the API's node store does."""
        for name in names:
            version = 1 + sum(one.startswith(f"{name}-") for one in self.written)
            time = EPOCH + timedelta(milliseconds=len(self.written))
            event: Json = {
                "id": f"{name}-{version}",
                "time": time.isoformat(timespec="milliseconds"),
                "data": {"op": "updated", "id": name, "kind": "job", "name": name},
            }
            entry = {"version": version, "event": event}
            await self.nodes.update_one(
                {"_id": name}, {"$push": {"outbox": entry}}, upsert=True
            )
            self.written.append(event["id"])

    async def published(self) -> list[str]:
        """Return the ids of the events in the stream; its positions must be dense."""
        entries: Any = await self.redis.xrange("node")
        events = [from_json(fields["event"]) for _, fields in entries]
        places = [int(place.partition("-")[0]) for place, _ in entries]
        assert [event["_sequence_id"] for event in events] == places
        assert places == list(range(1, len(places) + 1))
        return [event["id"] for event in events]

    async def pending(self) -> int:
        """Return how many events are pending."""
        return len(await self.waiting.oldest(1000))


@pytest.fixture
async def world(mongo_url: str, redis_url: str) -> AsyncIterator[World]:
    async with (
        AsyncMongoClient[Json](mongo_url, tz_aware=True) as client,
        Redis.from_url(redis_url, decode_responses=True) as redis,
    ):
        database = client.get_default_database()
        await init_beanie(database, document_models=[EventDocument, LeaseDocument])
        yield World(database["node"], redis)

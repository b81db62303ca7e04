# SPDX-License-Identifier: LGPL-2.1-or-later
"""A stream of events in a real Redis, their history, and services that handle them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from redis.asyncio import Redis

from kci_shared.errors import Unavailable
from kci_shared.events import EventStream, deliveries, group, reader, retries
from kci_shared.models import CHANNEL, NODE, Event, Kind, Node, NodeChange, Op, State
from kci_shared.secret import Secret
from kci_shared.settings import ServiceSettings

GROUP = "test"
WAIT_S = 60
NOW = datetime(2026, 11, 30, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retries, "FIRST_PAUSE_S", 0.05)
    monkeypatch.setattr(retries, "LONGEST_PAUSE_S", 0.1)
    monkeypatch.setattr(deliveries, "PAUSE_S", 0.05)
    monkeypatch.setattr(deliveries, "KEEP_EVERY_S", 0.1)
    monkeypatch.setattr(reader, "PAUSE_S", 0.05)
    monkeypatch.setattr(reader, "BLOCK_S", 0.05)
    monkeypatch.setattr(reader, "CLAIM_EVERY_S", 0.05)
    monkeypatch.setattr(group, "TAKEOVER_MS", 300)


def an_event(number: int, tree: str = "tree") -> Event:
    """Return the event at a position: a job of a tree is done."""
    change = NodeChange(
        op=Op.UPDATED,
        id=f"n{number}",
        kind=Kind.JOB,
        name="boot",
        state=State.DONE,
        treeid=tree,
    )
    return Event(
        id=f"n{number}-2", time=datetime.now(UTC), data=change, sequence=number
    )


def a_node(name: str) -> Node:
    """Return the node of an event."""
    fields = {"id": name, "kind": "job", "name": "boot", "state": "done"}
    times = {"created": NOW, "updated": NOW}
    return NODE.validate_python({**fields, **times, "owner": "lab"})


class FakeHistory:
    """The past events of the API, as far back as they are kept."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.faults = 0
        """How many reads fail before one succeeds."""

    async def past_events(self, after: int, limit: int) -> list[Event]:
        """Return up to `limit` past events after a position."""
        if self.faults:
            self.faults -= 1
            raise Unavailable("away")
        return [event for event in self.events if event.sequence > after][:limit]

    def shorten(self, first: int) -> None:
        """Forget the events before a position."""
        self.events = [event for event in self.events if event.sequence >= first]


@dataclass
class Service:
    """Handles events; fails as often as it is set to, and stops when all is handled."""

    expected: set[str]
    handled: list[str] = field(default_factory=list)
    faults: list[Exception] = field(default_factory=list)
    owed: list[str] = field(default_factory=list)
    """The nodes that a sweep finds as long as they are not handled."""
    sweeps: int = 0
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    before: Callable[[Event], None] = lambda _: None

    async def on_event(self, event: Event) -> None:
        """Handle an event."""
        self.before(event)
        if self.faults:
            raise self.faults.pop(0)
        self.note(event.node_id)

    def note(self, name: str) -> None:
        """Note that an event of a node was handled; stop if it was the last one."""
        self.handled.append(name)
        if self.expected <= set(self.handled):
            self.stop.set()

    async def sweep(self) -> AsyncIterator[Node]:
        """Query the nodes that are owed."""
        self.sweeps += 1
        for name in self.owed:
            if name not in self.handled:
                yield a_node(name)


@dataclass
class World:
    """The stream, its history, and services that read them."""

    redis: Redis
    redis_url: str
    history: FakeHistory = field(default_factory=FakeHistory)

    @property
    def settings(self) -> ServiceSettings:
        """The settings of a service."""
        return ServiceSettings(
            redis_url=self.redis_url, api_url="http://unused", token=Secret("KCI_TOKEN")
        )

    async def publish(self, *numbers: int, tree: str = "tree") -> None:
        """Add events to the history and to the stream, as the relay does."""
        for number in numbers:
            event = an_event(number, tree)
            self.history.events.append(event)
            fields: Any = {"event": event.model_dump_json(by_alias=True)}
            await self.redis.xadd(CHANNEL, fields, id=f"{number}-0")

    async def trim(self, first: int) -> None:
        """Remove the entries before a position from the stream."""
        await self.redis.xtrim(CHANNEL, minid=f"{first}-0", approximate=False)

    async def refill(self, first: int) -> None:
        """Fill an empty stream from the history, as the relay does."""
        for event in self.history.events:
            if event.sequence >= first:
                fields: Any = {"event": event.model_dump_json(by_alias=True)}
                await self.redis.xadd(CHANNEL, fields, id=f"{event.sequence}-0")

    async def run(self, service: Service) -> Service:
        """Run a replica of a service until all that it expects is handled."""
        stream = EventStream.connect(self.settings, self.history, GROUP)
        async with stream as events, asyncio.timeout(WAIT_S):
            await events.deliver(service.on_event, service.stop, sweep=service.sweep)
        return service

    async def run_two(self, *numbers: int) -> list[str]:
        """Run two replicas until they have handled these events; return which."""
        one = Service(set(names(*numbers)))
        other = Service(one.expected, one.handled, stop=one.stop)
        async with asyncio.TaskGroup() as both:
            both.create_task(self.run(one))
            both.create_task(self.run(other))
        return one.handled

    async def left(self) -> int:
        """Return how many entries of the group are read, and not acknowledged."""
        pending: Any = await self.redis.xpending(CHANNEL, GROUP)
        missed: Any = await self.redis.xlen(f"missed:{GROUP}")
        return int(pending["pending"]) + int(missed)


def names(*numbers: int) -> list[str]:
    """Return the nodes of the events at these positions."""
    return [f"n{number}" for number in numbers]


@pytest.fixture
async def world(redis_url: str) -> AsyncIterator[World]:
    async with Redis.from_url(redis_url, decode_responses=True) as redis:
        yield World(redis, redis_url)

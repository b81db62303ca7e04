# SPDX-License-Identifier: LGPL-2.1-or-later
"""A service's events over a real Redis: at least once, whatever happens."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from redis.asyncio import Redis

from kci_shared.errors import Invalid, NotYet
from kci_shared.events import EventStream
from kci_shared.events import stream as events
from kci_shared.models import CHANNEL, Event, Kind, NodeChange, Op, State

pytestmark = pytest.mark.integration


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "BACKOFF_S", 0.05)
    monkeypatch.setattr(events, "MAX_BACKOFF_S", 0.1)
    monkeypatch.setattr(events, "TAKEOVER_MS", 300)
    monkeypatch.setattr(events, "BLOCK_MS", 50)


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    async with Redis.from_url(redis_url, decode_responses=True) as connection:
        yield connection


def an_event(number: int) -> Event:
    change = NodeChange(
        op=Op.UPDATED, id=f"n{number}", kind=Kind.JOB, name="boot", state=State.DONE
    )
    return Event(id=f"n{number}-2", time=datetime.now(UTC), data=change)


async def tell(redis: Redis, *numbers: int) -> None:
    for number in numbers:
        fields: Any = {"event": an_event(number).model_dump_json(by_alias=True)}
        await redis.xadd(CHANNEL, fields)


class Hearer:
    """Notes what it hears; fails as often as it is told to."""

    def __init__(self, wanted: int) -> None:
        self.heard: list[str] = []
        self.faults: list[Exception] = []
        self.stop = asyncio.Event()
        self._wanted = wanted

    async def on_event(self, event: Event) -> None:
        if self.faults:
            raise self.faults.pop(0)
        self.heard.append(event.node_id)
        if len(self.heard) >= self._wanted:
            self.stop.set()


async def hear(redis_url: str, hearer: Hearer) -> None:
    async with EventStream.connect(redis_url, group="test") as stream:
        async with asyncio.timeout(60):
            await stream.deliver(hearer.on_event, hearer.stop)


async def test_a_service_hears_what_was_told_before_it_came(
    redis: Redis, redis_url: str
) -> None:
    await tell(redis, 1, 2, 3)
    hearer = Hearer(wanted=3)
    await hear(redis_url, hearer)
    assert hearer.heard == ["n1", "n2", "n3"]


async def test_what_failed_for_now_comes_again(redis: Redis, redis_url: str) -> None:
    await tell(redis, 1)
    hearer = Hearer(wanted=1)
    hearer.faults = [NotYet("wait"), RuntimeError("a bug")]
    await hear(redis_url, hearer)
    assert hearer.heard == ["n1"]


async def test_what_cannot_succeed_goes_to_the_dead_letters(
    redis: Redis, redis_url: str
) -> None:
    await tell(redis, 1, 2)
    hearer = Hearer(wanted=1)
    hearer.faults = [Invalid("no such field")]
    await hear(redis_url, hearer)
    assert hearer.heard == ["n2"]
    letters: Any = await redis.xrange("dead:test")
    [[_, letter]] = letters
    assert "no such field" in letter["reason"]


async def test_a_handler_that_crashes_on_an_event_does_not_stop_the_others(
    redis: Redis, redis_url: str
) -> None:
    await tell(redis, 1)
    hearer = Hearer(wanted=1)
    hearer.faults = [RuntimeError("a bug") for _ in range(events.MAX_CRASHES)]
    events_of_later = asyncio.create_task(hear(redis_url, hearer))
    while not await redis.exists("dead:test"):
        await asyncio.sleep(0.05)
    await tell(redis, 2)
    await events_of_later
    assert hearer.heard == ["n2"]


async def test_what_is_no_event_harms_nothing_else(
    redis: Redis, redis_url: str
) -> None:
    await redis.xadd(CHANNEL, {"event": "{"})
    await tell(redis, 1)
    hearer = Hearer(wanted=1)
    await hear(redis_url, hearer)
    assert hearer.heard == ["n1"]
    assert await redis.xlen("dead:test") == 1


async def test_an_event_of_a_consumer_that_died_is_taken_over(
    redis: Redis, redis_url: str
) -> None:
    await tell(redis, 1)
    await redis.xgroup_create(CHANNEL, "test", "0")
    await redis.xreadgroup("test", "dead", {CHANNEL: ">"}, count=1)
    hearer = Hearer(wanted=1)
    await hear(redis_url, hearer)
    assert hearer.heard == ["n1"]


async def test_replicas_share_the_work(redis: Redis, redis_url: str) -> None:
    await tell(redis, *range(40))
    one, other = Hearer(wanted=40), Hearer(wanted=40)
    other.heard = one.heard
    other.stop = one.stop
    async with asyncio.TaskGroup() as both:
        both.create_task(hear(redis_url, one))
        both.create_task(hear(redis_url, other))
    assert sorted(one.heard) == sorted(f"n{number}" for number in range(40))


async def test_a_lost_redis_is_heard_from_its_start_again(
    redis: Redis, redis_url: str
) -> None:
    await tell(redis, 1)
    hearer = Hearer(wanted=2)
    task = asyncio.create_task(hear(redis_url, hearer))
    while not hearer.heard:
        await asyncio.sleep(0.01)
    await redis.flushall()
    await tell(redis, 2)
    await task
    assert hearer.heard == ["n1", "n2"]

# SPDX-License-Identifier: LGPL-2.1-or-later
"""Events that the stream has lost come from the history, older ones from a sweep."""

import asyncio
from typing import Any

import pytest

from integration.events.conftest import GROUP, Service, World, names
from kci_shared.models import CHANNEL

pytestmark = pytest.mark.integration


async def test_a_new_service_gets_what_the_stream_does_not_have_any_more(
    world: World,
) -> None:
    await world.publish(*range(1, 8))
    await world.trim(5)
    service = await world.run(Service({"n7"}))
    assert service.handled == names(*range(1, 8))
    assert await world.left() == 0


async def test_a_stream_that_was_trimmed_below_what_was_read_is_filled_in_order(
    world: World,
) -> None:
    await world.publish(1, 2)
    await world.run(Service({"n2"}))
    await world.publish(*range(3, 700))
    await world.trim(600)
    world.history.faults = 2
    service = await world.run(Service({"n699"}))
    assert service.handled == names(*range(3, 700))


async def test_single_events_that_are_missing_are_fetched(world: World) -> None:
    await world.publish(*range(1, 8))
    for missing in ("3-0", "5-0", "6-0"):
        await world.redis.xdel(CHANNEL, missing)
    service = await world.run(Service(set(names(*range(1, 8)))))
    assert sorted(service.handled) == names(*range(1, 8))


async def test_a_pending_entry_whose_event_was_trimmed_is_fetched(
    world: World,
) -> None:
    await world.publish(1, 2, 3, 4)
    await world.redis.xgroup_create(CHANNEL, GROUP, "0")
    await world.redis.xreadgroup(GROUP, "dead", {CHANNEL: ">"}, count=3)
    await world.trim(3)
    service = await world.run(Service(set(names(1, 2, 3, 4))))
    assert sorted(service.handled) == names(1, 2, 3, 4)
    assert await world.left() == 0


async def test_an_emptied_redis_loses_no_event(world: World) -> None:
    await world.publish(1, 2)
    service = Service(set(names(1, 2, 3, 4, 5)))
    running = asyncio.create_task(world.run(service))
    while len(service.handled) < 2:
        await asyncio.sleep(0.01)
    await world.redis.flushall()
    await world.publish(3, 4, 5)
    await world.redis.delete(CHANNEL)
    await world.refill(5)
    await running
    assert set(service.handled) == service.expected


async def test_what_the_history_does_not_have_any_more_is_swept(world: World) -> None:
    await world.publish(1)
    await world.run(Service({"n1"}))
    first = Service({"n1"}, owed=["n2"])
    await world.publish(*range(2, 8))
    await world.trim(6)
    world.history.shorten(4)
    first.expected = set(names(2, 4, 5, 6, 7))
    await world.run(first)
    assert [name for name in first.handled if name != "n2"] == names(4, 5, 6, 7)
    assert first.sweeps == 2


async def test_two_replicas_fill_a_gap_once(world: World) -> None:
    numbers = range(1, 901)
    await world.publish(*numbers)
    await world.trim(800)
    assert sorted(await world.run_two(*numbers)) == sorted(names(*numbers))
    assert await world.left() == 0


async def test_gaps_that_follow_each_other_are_one(world: World) -> None:
    await world.publish(*range(1, 10))
    await world.redis.xgroup_create(CHANNEL, GROUP, "0")
    await world.redis.xreadgroup(GROUP, "dead", {CHANNEL: ">"}, count=8)
    await world.trim(9)
    world.history.faults = 10**6
    service = Service(set(names(*range(1, 10))))
    running = asyncio.create_task(world.run(service))
    gaps: Any = []
    while gaps != ["1-8"]:
        gaps = await world.redis.lrange(f"gaps:{GROUP}", 0, -1)
        await asyncio.sleep(0.01)
    world.history.faults = 0
    await running
    assert set(service.handled) == service.expected

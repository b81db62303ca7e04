# SPDX-License-Identifier: LGPL-2.1-or-later
"""A service's events over a real Redis: at least once, whatever happens."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from redis.exceptions import ConnectionError as NotConnected

from integration.events.conftest import GROUP, Service, World, names
from kci_shared.errors import Invalid, NotYet
from kci_shared.events.group import ConsumerGroup, Page
from kci_shared.events.retries import MAX_CRASHES
from kci_shared.models import CHANNEL, Event

pytestmark = pytest.mark.integration


async def test_a_service_gets_the_events_from_before_it_came(world: World) -> None:
    await world.publish(1, 2, 3)
    service = await world.run(Service({"n3"}))
    assert service.handled == names(1, 2, 3)
    assert await world.left() == 0


async def test_what_failed_for_now_comes_again(world: World) -> None:
    await world.publish(1)
    service = Service({"n1"}, faults=[NotYet("wait"), RuntimeError("a bug")])
    await world.run(service)
    assert service.handled == names(1)


async def test_what_cannot_succeed_goes_to_the_dead_letters(world: World) -> None:
    await world.publish(1, 2)
    service = await world.run(Service({"n2"}, faults=[Invalid("no such field")]))
    assert service.handled == names(2)
    letters: Any = await world.redis.xrange(f"dead:{GROUP}")
    assert "no such field" in letters[0][1]["reason"]


async def test_a_handler_that_crashes_on_an_event_does_not_stop_the_others(
    world: World,
) -> None:
    await world.publish(1)
    service = Service({"n2"})
    service.faults = [RuntimeError("a bug") for _ in range(MAX_CRASHES)]
    running = asyncio.create_task(world.run(service))
    while not await world.redis.exists(f"dead:{GROUP}"):
        await asyncio.sleep(0.05)
    await world.publish(2)
    await running
    assert service.handled == names(2)


async def test_what_is_no_event_harms_nothing_else(world: World) -> None:
    await world.redis.xadd(CHANNEL, {"event": "{"}, id="1-0")
    await world.publish(2)
    service = await world.run(Service({"n2"}))
    assert service.handled == names(2)
    assert await world.redis.xlen(f"dead:{GROUP}") == 1


async def test_an_event_of_a_consumer_that_died_is_taken_over(world: World) -> None:
    await world.publish(1)
    await world.redis.xgroup_create(CHANNEL, GROUP, "0")
    await world.redis.xreadgroup(GROUP, "dead", {CHANNEL: ">"}, count=1)
    service = await world.run(Service({"n1"}))
    assert service.handled == names(1)


async def test_entries_whose_delivery_did_not_arrive_come_before_later_ones(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.publish(1, 2, 3)
    read, faults = ConsumerGroup.read, [NotConnected("cut off")]

    async def cut_off(group: ConsumerGroup, count: int) -> Page:
        page = await read(group, 2)
        if page.deliveries and faults:
            raise faults.pop()
        return page

    monkeypatch.setattr(ConsumerGroup, "read", cut_off)
    service = await world.run(Service({"n3"}))
    assert service.handled == names(1, 2, 3)


async def test_replicas_share_the_work(world: World) -> None:
    numbers = range(1, 41)
    for number in numbers:
        await world.publish(number, tree=f"tree{number % 5}")
    assert sorted(await world.run_two(*numbers)) == sorted(names(*numbers))
    assert await world.left() == 0


class Rooms:
    """Notes which trees are being handled at the same time."""

    def __init__(self, world: World, expected: int) -> None:
        self._world = world
        self._expected = expected
        self.inside: dict[str, int] = {}
        self.most = 0
        self.order: dict[str, list[int]] = {}
        self.stop = asyncio.Event()

    async def on_event(self, event: Event) -> None:
        tree = event.data.treeid or ""
        with self._in(tree):
            for _ in range(10):
                await asyncio.sleep(0)
        self.order.setdefault(tree, []).append(event.sequence)
        if sum(map(len, self.order.values())) == self._expected:
            self.stop.set()

    @contextmanager
    def _in(self, tree: str) -> Iterator[None]:
        assert tree not in self.inside
        self.inside[tree] = 1
        self.most = max(self.most, len(self.inside))
        yield
        del self.inside[tree]


async def test_trees_are_handled_side_by_side_and_each_in_order(world: World) -> None:
    for number in range(1, 101):
        await world.publish(number, tree=f"tree{number % 20}")
    rooms = Rooms(world, 100)
    service = Service(set(), stop=rooms.stop)
    service.on_event = rooms.on_event  # type: ignore[method-assign]
    await world.run(service)
    assert rooms.most == world.settings.trees_at_once
    assert all(order == sorted(order) for order in rooms.order.values())


async def test_what_was_not_begun_is_given_back_at_a_stop(world: World) -> None:
    await world.publish(*range(1, 11))
    first = await world.run(Service({"n1"}))
    assert first.handled == names(1)
    assert await world.left() == 9
    service = await world.run(Service({"n10"}))
    assert service.handled == names(*range(2, 11))
    assert await world.left() == 0

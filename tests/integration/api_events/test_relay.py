# SPDX-License-Identifier: LGPL-2.1-or-later
import asyncio
from typing import Any

import pytest
from redis.exceptions import ConnectionError as RedisAway

from integration.api_events.conftest import World
from kci_api.events import relay as relaying
from kci_api.events.bell import Bell
from kci_api.events.documents import EventDocument
from kci_api.events.lease import LEASE_S
from kci_api.events.relay import Relay

pytestmark = pytest.mark.integration

CHANGES = ("a", "b", "a", "c", "b", "a")
STEPS = 10
"""How many calls of its stores a turn makes."""


class Killed(BaseException):
    """The relay was killed."""


class Mortal:
    """A store that kills its caller at one call: before it, or after it."""

    def __init__(self, store: Any, life: list[int], late: bool) -> None:
        self._store = store
        self._life = life
        self._late = late

    def __getattr__(self, name: str) -> Any:
        async def call(*arguments: Any) -> Any:
            self._life[0] -= 1
            left = self._life[0]
            if left < 0 or (left == 0 and not self._late):
                raise Killed
            answer = await getattr(self._store, name)(*arguments)
            if left == 0:
                raise Killed
            return answer

        return call


def mortal(world: World, step: int, late: bool) -> Relay:
    life = [step]
    stores = (world.waiting, world.history, world.stream, world.lease())
    return Relay(*(Mortal(store, life, late) for store in stores))  # type: ignore[arg-type]


async def test_events_arrive_in_order_and_leave_their_nodes(world: World) -> None:
    await world.change(*CHANGES)
    assert not await world.relay().turn()
    assert await world.published() == world.written
    assert await world.pending() == 0


@pytest.mark.parametrize("late", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", range(1, STEPS + 1))
async def test_a_relay_killed_at_any_step_loses_and_doubles_nothing(
    world: World, step: int, late: bool
) -> None:
    await world.change(*CHANGES)
    with pytest.raises(Killed):
        await mortal(world, step, late).turn()
    await world.change(*CHANGES)
    world.now += LEASE_S + 1
    successor = world.relay()
    while await successor.turn():
        pass
    assert await world.published() == world.written
    assert await world.pending() == 0


async def test_kills_are_tried_at_every_step_of_a_turn(world: World) -> None:
    await world.change(*CHANGES)
    await mortal(world, STEPS + 1, late=False).turn()


async def test_a_relay_killed_during_an_insert_is_resumed(world: World) -> None:
    await world.change(*CHANGES)
    events = [one.event for one in await world.waiting.oldest(100)]
    await world.history.append(events[:4])
    await world.change("d", "a")
    await world.relay().turn()
    assert await world.published() == world.written


async def test_without_redis_events_still_leave_their_nodes(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    relay = world.relay()
    await relay.turn()
    await world.change(*CHANGES)
    monkeypatch.setattr(world.redis, "xinfo_stream", away)
    with pytest.raises(RedisAway):
        await relay.turn()
    assert await world.pending() == 0
    monkeypatch.undo()
    await relay.turn()
    assert await world.published() == world.written


async def away(_: str) -> None:
    raise RedisAway


async def test_two_relays_at_once_duplicate_nothing(world: World) -> None:
    for _ in range(20):
        await world.change(*CHANGES)
        relays = [world.relay(), world.relay()]
        for relay in relays:
            # as if one was suspended, and did not notice that its lease expired
            relay._lease.acquire = always  # type: ignore[method-assign]
        await asyncio.gather(
            *(relay.turn() for relay in relays), return_exceptions=True
        )
    world.now += LEASE_S + 1
    await world.relay().turn()
    heard = await world.published()
    assert sorted(heard) == sorted(world.written)
    for node in set(CHANGES):
        of_node = [one for one in heard if one.startswith(f"{node}-")]
        assert of_node == [one for one in world.written if one.startswith(f"{node}-")]


async def always() -> bool:
    return True


async def test_only_one_process_holds_the_lease_until_it_expires(world: World) -> None:
    first, second = world.lease(), world.lease()
    assert await first.acquire()
    assert not await second.acquire()
    world.now += LEASE_S * 0.6
    assert await first.acquire()
    world.now += LEASE_S * 0.6
    assert not await second.acquire()
    world.now += LEASE_S
    assert await second.acquire()
    assert not await first.acquire()


async def test_a_released_lease_can_be_acquired_at_once(world: World) -> None:
    first, second = world.lease(), world.lease()
    assert await first.acquire()
    await first.release()
    assert await second.acquire()


async def test_a_lost_stream_is_refilled_at_the_same_positions(world: World) -> None:
    relay = world.relay()
    await world.change(*CHANGES)
    await relay.turn()
    before = await world.redis.xrange("node")
    await world.redis.flushall()
    await relay.turn()
    assert await world.redis.xrange("node") == before


async def test_a_stream_that_lost_its_end_is_completed(world: World) -> None:
    relay = world.relay()
    await world.change("a", "b")
    await relay.turn()
    kept = await world.redis.dump("node")
    assert kept is not None
    await world.change("c", "d")
    await relay.turn()
    await world.redis.restore("node", 0, kept, replace=True)
    await world.change("e")
    await relay.turn()
    assert await world.published() == world.written


async def test_a_stream_that_outlived_its_database_gets_higher_positions(
    world: World,
) -> None:
    await world.change("a", "b")
    await world.relay().turn()
    await EventDocument.get_pymongo_collection().delete_many({})
    world.now += LEASE_S + 1
    await world.change("c")
    await world.relay().turn()
    assert await world.published() == world.written


async def test_old_events_are_pruned_except_for_the_last(world: World) -> None:
    await world.change(*CHANGES)
    await world.relay().turn()
    await world.history.prune(days=0)
    [last] = await world.history.after(0, 100)
    assert last.event["id"] == world.written[-1]
    world.now += LEASE_S + 1
    await world.change("z")
    await world.relay().turn()
    assert await world.published() == world.written


async def test_a_gap_in_the_positions_hides_no_event(world: World) -> None:
    events = [{"id": f"node-{n}", "time": "", "data": {}} for n in range(3)]
    await world.history.append(events[:1])
    await world.history.append(events[1:], floor=5000)
    history = await world.history.after(0, 10)
    later = await world.history.after(history[-1].sequence, 10)
    assert [entry.sequence for entry in [*history, *later]] == [1, 5001, 5002]


async def test_timestamps_of_the_history_grow_with_the_positions(world: World) -> None:
    await world.change(*CHANGES)
    await world.relay().turn()
    entries = await world.history.after(0, 100)
    times = [entry.timestamp for entry in entries if entry.timestamp]
    assert len(times) == len(entries)
    assert times == sorted(set(times))


@pytest.mark.parametrize(
    "fields",
    [{"x": "1"}, {"event": "{"}, {"event": "[]"}, {"event": '{"id": "a"}'}],
    ids=["no event", "no JSON", "no object", "no change"],
)
@pytest.mark.parametrize("place", ["*", "4-1", "1000-0"])
async def test_foreign_entries_in_the_stream_stop_nothing(
    world: World, place: str, fields: dict[str, str]
) -> None:
    relay = world.relay()
    await world.change("a", "b", "c", "d")
    await relay.turn()
    entry: Any = fields  # its type is invariant
    await world.redis.xadd("node", entry, id=place)
    for name in "ef":
        await world.change(name)
        while await relay.turn():
            pass
    after = await world.stream.read(2, 10)
    assert [entry.event["id"] for entry in after] == world.written[2:]
    if place != "4-1":  # no later entry is behind that one
        assert await world.published() == world.written


async def test_an_event_of_another_replica_does_not_wait_for_the_next_poll(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relaying, "POLL_S", 60)
    stop, own, other = asyncio.Event(), Bell(), Bell()
    leader, follower = world.relay(), world.relay()
    async with asyncio.timeout(50), asyncio.TaskGroup() as tasks:
        await leader.turn()
        for relay, bell in ((leader, own), (follower, other)):
            tasks.create_task(relay.run(bell, stop))
            tasks.create_task(relay.forward_rings(bell, stop))
        bell_channel = "node:waiting"
        while (await world.redis.pubsub_numsub(bell_channel))[0][1] < 2:
            await asyncio.sleep(0.01)
        await world.change("a")
        other.ring()
        while await world.stream.last() == 0:
            await asyncio.sleep(0.01)
        stop.set()
        own.ring()
        other.ring()

# SPDX-License-Identifier: LGPL-2.1-or-later
import asyncio
from functools import partial

from kci_shared.events.lanes import Lanes
from kci_shared.events.pace import BATCH, LANE_DEPTH, Pace


class Workshop:
    """Work that waits for a signal, and notes when it begins and ends."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.ended: list[str] = []
        self.may_end = asyncio.Event()

    async def work(self, name: str) -> None:
        self.begun.append(name)
        await self.may_end.wait()
        self.ended.append(name)


async def turns(many: int = 20) -> None:
    for _ in range(many):
        await asyncio.sleep(0)


async def test_keys_are_worked_on_side_by_side_as_many_as_allowed() -> None:
    shop, lanes = Workshop(), Lanes(2, asyncio.Event())
    for name in ("a1", "a2", "b1", "c1"):
        lanes.add(name[0], partial(shop.work, name))
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(lanes.run())
        await turns()
        assert shop.begun == ["a1", "b1"]
        assert lanes.size == 4
        shop.may_end.set()
        await turns()
        assert sorted(shop.ended) == ["a1", "a2", "b1", "c1"]
        assert (lanes.size, lanes.ended) == (0, 4)
        lanes.close()


async def test_nothing_is_begun_after_a_stop() -> None:
    stop, shop = asyncio.Event(), Workshop()
    lanes = Lanes(1, stop)
    for name in ("a1", "a2", "b1"):
        lanes.add(name[0], partial(shop.work, name))
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(lanes.run())
        await turns()
        stop.set()
        lanes.close()
        shop.may_end.set()
    assert shop.ended == ["a1"]
    assert lanes.size == 2


async def test_who_adds_work_may_wait_for_its_end() -> None:
    shop, lanes = Workshop(), Lanes(1, asyncio.Event())
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(lanes.run())
        shop.may_end.set()
        await lanes.do("a", partial(shop.work, "a1"))
        assert shop.ended == ["a1"]
        lanes.close()


def test_fast_handlers_get_more_events_at_once_than_slow_ones() -> None:
    now = 0.0
    lanes = Lanes(4, asyncio.Event())
    pace = Pace(lanes, lambda: now)
    assert pace.allowance() == 4 * LANE_DEPTH
    now, lanes.ended = 1.0, 400
    assert pace.allowance() == 100
    now, lanes.ended = 1.0, 10_000
    assert pace.allowance() == BATCH
    pace.begin()
    now = 2.0
    assert pace.allowance() == 4 * LANE_DEPTH

# SPDX-License-Identifier: LGPL-2.1-or-later
import asyncio

from kci_api.events.bell import Outbox


async def test_a_ring_before_the_wait_is_not_missed() -> None:
    outbox = Outbox()
    outbox.wake()
    outbox.wake()
    async with asyncio.timeout(30):
        await outbox.waiting(60)


async def test_a_ring_ends_the_wait() -> None:
    outbox = Outbox()
    asyncio.get_running_loop().call_later(0.01, outbox.wake)
    async with asyncio.timeout(30):
        await outbox.waiting(60)


async def test_rings_that_were_heard_are_over() -> None:
    outbox = Outbox()
    outbox.wake()
    await outbox.waiting(60)
    begin = asyncio.get_running_loop().time()
    await outbox.waiting(0.02)
    assert asyncio.get_running_loop().time() - begin >= 0.02

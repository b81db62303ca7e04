# SPDX-License-Identifier: LGPL-2.1-or-later
import asyncio

from kci_api.events.bell import Bell


async def test_a_ring_before_the_wait_is_not_missed() -> None:
    bell = Bell()
    bell.ring()
    bell.ring()
    async with asyncio.timeout(30):
        await bell.wait(60)


async def test_a_ring_ends_the_wait() -> None:
    bell = Bell()
    asyncio.get_running_loop().call_later(0.01, bell.ring)
    async with asyncio.timeout(30):
        await bell.wait(60)


async def test_a_ring_ends_one_wait_only() -> None:
    bell = Bell()
    bell.ring()
    await bell.wait(60)
    begin = asyncio.get_running_loop().time()
    await bell.wait(0.02)
    assert asyncio.get_running_loop().time() - begin >= 0.02

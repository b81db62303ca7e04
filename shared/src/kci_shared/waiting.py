# SPDX-License-Identifier: LGPL-2.1-or-later
"""Waits for an event, but not for ever."""

import asyncio


async def wait(event: asyncio.Event, seconds: float) -> bool:
    """Wait until `event` is set, for `seconds` at most; return whether it is set."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return event.is_set()
    return True

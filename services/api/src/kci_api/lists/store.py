# SPDX-License-Identifier: LGPL-2.1-or-later
"""Lists in Redis."""

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Any
from weakref import WeakValueDictionary

from redis.asyncio import Redis

from kci_shared.errors import TooMany

LONGEST = 10_000
KEPT_S = 7 * 24 * 3600
WAIT_S = 45.0
"""How long a client waits: shorter than its own 60 s."""
RECHECK_S = 1.0
"""How long a message may wait that another replica was given."""

Gone = Callable[[], Awaitable[bool]]


class ListStore:
    """Messages in a row, each for one client."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        # a bell lasts as long as somebody waits for it
        self._bells: WeakValueDictionary[str, asyncio.Event] = WeakValueDictionary()

    async def push(self, name: str, message: bytes) -> None:
        """Add a message at the end of a list."""
        key = _key(name)
        call: Any = self._redis.llen(key)
        if await call >= LONGEST:
            raise TooMany(f"list {name!r} has {LONGEST} messages that nobody takes")
        async with self._redis.pipeline(transaction=True) as change:
            change.rpush(key, message)
            change.expire(key, KEPT_S)
            await change.execute()
        if bell := self._bells.pop(name, None):
            bell.set()

    async def pop(self, name: str, gone: Gone) -> str | None:
        """Take the first message, waiting for one; None if none came in time."""
        until = monotonic() + WAIT_S
        while (left := until - monotonic()) > 0 and not await gone():
            bell = self._bells.setdefault(name, asyncio.Event())
            if message := await self._take(name, gone):
                return message
            await _rung(bell, min(RECHECK_S, left))
        return None

    async def _take(self, name: str, gone: Gone) -> str | None:
        call: Any = self._redis.lpop(_key(name))
        message: str | None = await call
        if message is not None and await gone():
            back: Any = self._redis.lpush(_key(name), message)
            await back
            return None
        return message


def _key(name: str) -> str:
    return f"list:{name}"


async def _rung(bell: asyncio.Event, timeout: float) -> None:
    try:
        async with asyncio.timeout(timeout):
            await bell.wait()
    except TimeoutError:
        return

# SPDX-License-Identifier: LGPL-2.1-or-later
"""Lists in Redis."""

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Any
from weakref import WeakValueDictionary

from redis.asyncio import Redis

from kci_shared.errors import TooMany
from kci_shared.waiting import wait

MAX_MESSAGES = 10_000
KEPT_S = 7 * 24 * 3600
WAIT_S = 45.0
"""How long a request waits for a message: less than the 60 s of clients."""
RECHECK_S = 1.0
"""How often to look for messages that another replica received."""

Disconnected = Callable[[], Awaitable[bool]]


class ListStore:
    """Lists of messages, each for one client."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        # an event lasts as long as a request waits for it
        self._arrivals: WeakValueDictionary[str, asyncio.Event] = WeakValueDictionary()

    async def push(self, name: str, message: bytes) -> None:
        """Append a message to a list; `TooMany` if it is full."""
        key = _key(name)
        call: Any = self._redis.llen(key)
        if await call >= MAX_MESSAGES:
            raise TooMany(f"list {name!r} is full: {MAX_MESSAGES} messages; pop some")
        async with self._redis.pipeline(transaction=True) as change:
            change.rpush(key, message)
            change.expire(key, KEPT_S)
            await change.execute()
        if arrival := self._arrivals.pop(name, None):
            arrival.set()

    async def pop(self, name: str, disconnected: Disconnected) -> str | None:
        """Take the first message; None if none came within `WAIT_S`."""
        until = monotonic() + WAIT_S
        while (left := until - monotonic()) > 0 and not await disconnected():
            arrival = self._arrivals.setdefault(name, asyncio.Event())
            if message := await self._take(name, disconnected):
                return message
            await wait(arrival, min(RECHECK_S, left))
        return None

    async def _take(self, name: str, disconnected: Disconnected) -> str | None:
        call: Any = self._redis.lpop(_key(name))
        message: str | None = await call
        if message is not None and await disconnected():
            back: Any = self._redis.lpush(_key(name), message)
            await back
            return None
        return message


def _key(name: str) -> str:
    return f"list:{name}"

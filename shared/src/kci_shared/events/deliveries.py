# SPDX-License-Identifier: LGPL-2.1-or-later
"""The deliveries of this process that are not acknowledged yet."""

import asyncio
import time
from collections.abc import Callable

from redis.exceptions import RedisError

from kci_shared.events.group import TAKEOVER_MS, ConsumerGroup
from kci_shared.events.retries import pause_s
from kci_shared.logging import get_logger
from kci_shared.waiting import wait

log = get_logger(__name__)

Key = tuple[str, str]

KEEP_EVERY_S = TAKEOVER_MS / 3000
PAUSE_S = 1.0


class Deliveries:
    """Knows which deliveries are being handled, and which are to be retried when."""

    def __init__(
        self, group: ConsumerGroup, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._group = group
        self._clock = clock
        self._held: dict[Key, None] = {}
        """Being handled, waiting for that, or about to be acknowledged."""
        self._done: list[Key] = []
        self._some_done = asyncio.Event()
        self._due: dict[Key, float] = {}

    def add(self, key: Key) -> bool:
        """Note a delivery; return False if this process has it already."""
        if key in self._held:
            return False
        self._held[key] = None
        self._due.pop(key, None)
        return True

    def done(self, key: Key) -> None:
        """Acknowledge a delivery soon, together with others."""
        self._done.append(key)
        self._some_done.set()

    def settled(self, key: Key) -> None:
        """Forget a delivery that was acknowledged in another way."""
        self._held.pop(key, None)

    def retry(self, key: Key, attempts: int) -> None:
        """Retry a delivery after a pause, which grows with the attempts so far."""
        self._due[key] = self._clock() + pause_s(attempts)
        self._held.pop(key, None)

    def due(self, limit: int) -> list[Key]:
        """Return up to `limit` deliveries whose pause is over; each only once."""
        now = self._clock()
        keys = [key for key, at in self._due.items() if at <= now][:limit]
        for key in keys:
            del self._due[key]
        return keys

    def unknown(self, keys: list[Key]) -> list[Key]:
        """Return those that this process neither handles nor is to retry."""
        return [key for key in keys if key not in self._held and key not in self._due]

    @property
    def next_due_s(self) -> float:
        """Seconds until the next retry."""
        return min(self._due.values(), default=float("inf")) - self._clock()

    async def acknowledge(self) -> None:
        """Acknowledge what is done, for ever."""
        while True:
            await self._some_done.wait()
            try:
                await self._acknowledge_once()
            except (RedisError, OSError) as error:
                log.warning("redis away", reason=str(error))
                await asyncio.sleep(PAUSE_S)

    async def _acknowledge_once(self) -> None:
        keys = list(self._done)
        await self._group.acknowledge(keys)
        del self._done[: len(keys)]
        if not self._done:
            self._some_done.clear()
        for key in keys:
            self._held.pop(key, None)

    async def keep(self, stop: asyncio.Event) -> None:
        """Let no replica take over what this process has, until `stop` is set."""
        while not await wait(stop, KEEP_EVERY_S):
            try:
                await self._group.keep(list(self._held))
            except (RedisError, OSError) as error:
                log.warning("redis away", reason=str(error))

    async def close(self) -> None:
        """Acknowledge what is done, and give back what was not begun."""
        try:
            await self._acknowledge_once()
            await self._group.give_back(list(self._held))
        except (RedisError, OSError) as error:
            log.warning("redis away", reason=str(error))

# SPDX-License-Identifier: LGPL-2.1-or-later
"""One reader of a stream, from which all listeners of this process read."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from itertools import takewhile
from time import monotonic
from typing import Protocol, Self

from redis.exceptions import RedisError

from kci_api.events.rules import Entry, Head
from kci_shared.logging import get_logger

log = get_logger(__name__)

RECENT = 1000
"""How many of the latest entries are kept in memory."""
PAGE = 200
"""How many entries a listener gets at once."""
BLOCK_MS = 250
"""How long one read of the stream waits; a stop takes effect after it."""
RETRY_S = 1.0
FAN_OUT_STEPS = 3
"""Turns of the event loop from waking a listener until it has sent its entries."""
REST_FACTOR = 2
"""Sleep this many times as long as the last fan-out took: writers get their turn."""


class History(Protocol):
    """Past entries, as far back as they are kept."""

    async def head(self) -> Head:
        """Return the last position."""

    async def after(self, sequence: int, limit: int) -> list[Entry]:
        """Return up to `limit` entries after a position."""


class Stream(Protocol):
    """New entries."""

    async def read(self, after: int, block_ms: int) -> list[Entry]:
        """Return the entries after a position; wait up to `block_ms` for the first."""


class Broadcast:
    """Reads a stream once for any number of listeners.

    Listeners have no queues: each has a position, and reads what follows it from the
    recent entries, or from the history if it is behind. So a slow one delays no other.
    """

    def __init__(self, history: History, stream: Stream, begin: int) -> None:
        self._history = history
        self._stream = stream
        self._recent: deque[Entry] = deque()
        self._floor = begin
        """The position before the first of the recent entries."""
        self._arrival = asyncio.Event()
        self._closed = False

    @classmethod
    async def begin(cls, history: History, stream: Stream) -> Self:
        """Return a broadcast of what follows the history."""
        return cls(history, stream, (await history.head()).sequence)

    @property
    def position(self) -> int:
        """The position of the last entry that was read."""
        return self._recent[-1].sequence if self._recent else self._floor

    async def run(self, stop: asyncio.Event) -> None:
        """Read the stream until `stop` is set."""
        while not stop.is_set():
            try:
                self._add(await self._stream.read(self.position, BLOCK_MS))
                await asyncio.sleep(REST_FACTOR * await _fan_out())
            except (RedisError, OSError) as error:
                log.warning("redis away", reason=str(error))
                await asyncio.sleep(RETRY_S)

    def _add(self, entries: list[Entry]) -> None:
        if not entries:
            return
        self._recent.extend(entries)
        while len(self._recent) > RECENT:
            self._floor = self._recent.popleft().sequence
        self._wake()

    def _wake(self) -> None:
        arrival, self._arrival = self._arrival, asyncio.Event()
        arrival.set()

    @property
    def closed(self) -> bool:
        """Whether all listeners are to end."""
        return self._closed

    def close(self) -> None:
        """End all listeners."""
        self._closed = True
        self._wake()

    async def next_event(self, timeout: float) -> None:
        """Return when the next entry was read, or after `timeout` seconds."""
        await _is_set_within(self._arrival, timeout)

    async def follow(self, after: int) -> AsyncIterator[Entry]:
        """Yield each entry after a position, once and in order, until closed."""
        while entries := await self.read_after(after):
            for entry in entries:
                yield entry
            after = entries[-1].sequence

    async def read_after(
        self, after: int, limit: int = PAGE, timeout: float | None = None
    ) -> list[Entry]:
        """Return entries after a position as soon as there are any.

        Return nothing after `timeout` seconds, and when the broadcast is closed.
        """
        until = None if timeout is None else monotonic() + timeout
        while not self._closed:
            arrival = self._arrival
            if entries := await self._page(after, limit):
                return entries
            left = None if until is None else until - monotonic()
            if not await _is_set_within(arrival, left):
                break
        return []

    async def _page(self, after: int, limit: int) -> list[Entry]:
        if after < self._floor:
            return await self._history.after(after, limit)
        newer = takewhile(lambda entry: entry.sequence > after, reversed(self._recent))
        return list(newer)[: -limit - 1 : -1]


async def _fan_out() -> float:
    """Let all listeners that were woken send their entries; return how long it took."""
    start = monotonic()
    for _ in range(FAN_OUT_STEPS):
        await asyncio.sleep(0)
    return monotonic() - start


async def _is_set_within(event: asyncio.Event, timeout: float | None) -> bool:
    try:
        async with asyncio.timeout(timeout):
            await event.wait()
    except TimeoutError:
        return False
    return True

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
"""How many of the latest entries are kept in memory, at most."""
RECENT_BYTES = 32 << 20
PAGE = 200
"""How many entries a listener gets at once, at most."""
PAGE_BYTES = 256 << 10
"""How much a listener gets at once; one entry may be longer."""
CATCHING_UP = 4
"""How many listeners read the history at once: each page of it is in memory."""
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

    def follows(self, position: int, entry: Entry) -> bool:
        """Say whether no entry was between a position and an entry after it."""


class Broadcast:
    """Reads a stream once for any number of listeners.

    Listeners have no queues: each has a position, and reads what follows it from the
    recent entries, or from the history if it is behind. So a slow one delays no other.
    """

    def __init__(self, history: History, stream: Stream, begin: int) -> None:
        self._history = history
        self._stream = stream
        self._recent: deque[Entry] = deque()
        self.recent_bytes = 0
        """The size of the entries that are kept in memory."""
        self._floor = begin
        """The position before the first of the recent entries."""
        self._arrival = asyncio.Event()
        self._catching_up = asyncio.Semaphore(CATCHING_UP)
        self._fitting = PAGE
        """About how many entries of the history fit into a page."""
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
                self.add(await self._stream.read(self.position, BLOCK_MS))
                await asyncio.sleep(REST_FACTOR * await _fan_out())
            except (RedisError, OSError) as error:
                log.warning("redis away", reason=str(error))
                await asyncio.sleep(RETRY_S)

    def add(self, entries: list[Entry]) -> None:
        """Add new entries, and wake all listeners."""
        if not entries:
            return
        for entry in entries:
            self._append(entry)
        while len(self._recent) > RECENT or self.recent_bytes > RECENT_BYTES:
            oldest = self._recent.popleft()
            self.recent_bytes -= oldest.size
            self._floor = oldest.sequence
        self._wake()

    def _append(self, entry: Entry) -> None:
        if not self._stream.follows(self.position, entry):
            # the stream was trimmed: listeners get the others from the history
            self._recent.clear()
            self.recent_bytes = 0
            self._floor = entry.sequence - 1
        self._recent.append(entry)
        self.recent_bytes += entry.size

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
            return await self._past_page(after, limit)
        newer = takewhile(lambda entry: entry.sequence > after, reversed(self._recent))
        return first_bytes(list(newer)[: -limit - 1 : -1])

    async def _past_page(self, after: int, limit: int) -> list[Entry]:
        async with self._catching_up:
            asked = min(limit, self._fitting)
            entries = await self._history.after(after, asked)
        page = first_bytes(entries)
        if len(page) < len(entries) or len(entries) == asked:
            self._fitting = min(PAGE, 2 * len(page))
        return page


def first_bytes(entries: list[Entry]) -> list[Entry]:
    """Return the first entries, up to `PAGE_BYTES`; at least one if there is any."""
    left = PAGE_BYTES
    for number, entry in enumerate(entries):
        left -= entry.size
        if left < 0:
            return entries[: max(number, 1)]
    return entries


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

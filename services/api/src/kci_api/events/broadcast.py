# SPDX-License-Identifier: LGPL-2.1-or-later
"""The events as they happen, from one reader to everybody in this process."""

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
PAGE = 200
BLOCK_MS = 250
"""How long a read waits, so that a stop is seen within this time."""
STEPS = 3
"""Turns of the event loop from waking a listener to having told it."""
PART = 2
"""Rests are so much longer than tellings, for there are writers to be served."""


class Past(Protocol):
    """What happened, as far back as it is kept."""

    async def head(self) -> Head:
        """Return the last place that is taken."""

    async def after(self, sequence: int, limit: int) -> list[Entry]:
        """Return the events that follow a place."""


class Present(Protocol):
    """What happens."""

    async def read(self, after: int, block_ms: int) -> list[Entry]:
        """Return what follows a place, as soon as there is something, or nothing."""


class Broadcast:
    """The only reader of a stream here, however many listen.

    A listener has no queue: it keeps its place, and takes what follows from what is
    recent, or from the history when it is behind. A slow one costs the others nothing.
    """

    def __init__(self, history: Past, stream: Present, begin: int) -> None:
        self._history = history
        self._stream = stream
        self._recent: deque[Entry] = deque()
        self._floor = begin
        """All that follows this place, and was heard, is in `_recent`."""
        self._news = asyncio.Event()
        self._closed = False

    @classmethod
    async def begin(cls, history: Past, stream: Present) -> Self:
        """Return one that hears what comes next."""
        return cls(history, stream, (await history.head()).sequence)

    @property
    def position(self) -> int:
        """The place of the last event that was heard."""
        return self._recent[-1].sequence if self._recent else self._floor

    async def run(self, stop: asyncio.Event) -> None:
        """ListenRequest until `stop` is set; then all who follow come to their end."""
        while not stop.is_set():
            try:
                self._hear(await self._stream.read(self.position, BLOCK_MS))
                await asyncio.sleep(PART * await _round())
            except (RedisError, OSError) as error:
                log.warning("redis away", reason=str(error))
                await asyncio.sleep(1)

    def _hear(self, entries: list[Entry]) -> None:
        if not entries:
            return
        self._recent.extend(entries)
        while len(self._recent) > RECENT:
            self._floor = self._recent.popleft().sequence
        self._wake()

    def _wake(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()

    @property
    def closed(self) -> bool:
        """Whether all have come to their end."""
        return self._closed

    def close(self) -> None:
        """Let all who follow come to their end."""
        self._closed = True
        self._wake()

    async def next_event(self, timeout: float) -> None:
        """Return when the next event is heard, or after `timeout` seconds."""
        await _set_in_time(self._news, timeout)

    async def follow(self, after: int) -> AsyncIterator[Entry]:
        """Yield each event that follows a place, once and in order, for ever."""
        while entries := await self.following(after):
            for entry in entries:
                yield entry
            after = entries[-1].sequence

    async def following(
        self, after: int, most: int = PAGE, timeout: float | None = None
    ) -> list[Entry]:
        """Return what follows a place as soon as there is something.

        It returns nothing when the time is over, and when all come to their end.
        """
        until = None if timeout is None else monotonic() + timeout
        while not self._closed:
            news = self._news
            if entries := await self._page(after, most):
                return entries
            left = None if until is None else until - monotonic()
            if not await _set_in_time(news, left):
                break
        return []

    async def _page(self, after: int, most: int) -> list[Entry]:
        if after < self._floor:
            return await self._history.after(after, most)
        newer = takewhile(lambda entry: entry.sequence > after, reversed(self._recent))
        return list(newer)[: -most - 1 : -1]


async def _round() -> float:
    """Let all who were woken have their turn; return how long that took."""
    begin = monotonic()
    for _ in range(STEPS):
        await asyncio.sleep(0)
    return monotonic() - begin


async def _set_in_time(news: asyncio.Event, timeout: float | None) -> bool:
    try:
        async with asyncio.timeout(timeout):
            await news.wait()
    except TimeoutError:
        return False
    return True

# SPDX-License-Identifier: LGPL-2.1-or-later
"""The events as they happen, from one reader to everybody in this process."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from itertools import takewhile
from typing import Self

from redis.exceptions import RedisError

from kci_api.events.rules import Entry
from kci_api.events.store import EventStore
from kci_api.events.stream import NodeStream
from kci_shared.logging import get_logger

log = get_logger(__name__)

RECENT = 1000
PAGE = 200
BLOCK_MS = 250
"""How long a read waits, so that a stop is seen within this time."""


class Broadcast:
    """The only reader of the stream here, however many listen.

    A listener has no queue: it keeps its place, and takes what follows from what is
    recent, or from the history when it is behind. A slow one costs the others nothing.
    """

    def __init__(self, history: EventStore, stream: NodeStream, begin: int) -> None:
        self._history = history
        self.stream = stream
        self._recent: deque[Entry] = deque()
        self._floor = begin
        """All that follows this place, and was heard, is in `_recent`."""
        self._news = asyncio.Event()
        self._closed = False

    @classmethod
    async def begin(cls, history: EventStore, stream: NodeStream) -> Self:
        """Return one that hears what comes next."""
        return cls(history, stream, (await history.head()).sequence)

    @property
    def position(self) -> int:
        """The place of the last event that was heard."""
        return self._recent[-1].sequence if self._recent else self._floor

    async def run(self, stop: asyncio.Event) -> None:
        """Listen until `stop` is set; then all who follow come to their end."""
        while not stop.is_set():
            try:
                self._hear(await self.stream.read(self.position, BLOCK_MS))
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

    def close(self) -> None:
        """Let all who follow come to their end."""
        self._closed = True
        self._wake()

    async def changed(self, timeout: float) -> None:
        """Return when the next event is heard, or after `timeout` seconds."""
        try:
            async with asyncio.timeout(timeout):
                await self._news.wait()
        except TimeoutError:
            return

    async def follow(self, after: int) -> AsyncIterator[Entry]:
        """Yield each event that follows a place, once and in order, for ever."""
        while not self._closed:
            news = self._news
            entries = await self._following(after)
            for entry in entries:
                yield entry
            if entries:
                after = entries[-1].sequence
            else:
                await news.wait()

    async def _following(self, after: int) -> list[Entry]:
        if after < self._floor:
            return await self._history.after(after, PAGE)
        newer = takewhile(lambda entry: entry.sequence > after, reversed(self._recent))
        return list(newer)[::-1]

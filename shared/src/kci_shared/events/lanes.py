# SPDX-License-Identifier: LGPL-2.1-or-later
"""Run work of different keys side by side, and work of one key in order."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

Work = Callable[[], Awaitable[None]]


class Lanes:
    """Runs work in lanes, one for each key; a fixed number of them at once."""

    def __init__(self, at_once: int, stop: asyncio.Event) -> None:
        self.at_once = at_once
        self._stop = stop
        self._lanes: dict[str, deque[Work]] = {}
        self._ready: asyncio.Queue[str | None] = asyncio.Queue()
        self.size = 0
        """How much work waits or runs."""
        self.ended = 0
        """How much work has ended so far."""
        self.progress = asyncio.Event()
        """Set whenever some work has ended."""

    def add(self, key: str, work: Work) -> None:
        """Run work, which raises no error, after earlier work of its key."""
        self.size += 1
        lane = self._lanes.get(key)
        if lane is None:
            self._lanes[key] = deque([work])
            self._ready.put_nowait(key)
        else:
            lane.append(work)

    async def do(self, key: str, work: Work) -> None:
        """Run work, and wait for its end."""
        ended = asyncio.Event()

        async def run() -> None:
            await work()
            ended.set()

        self.add(key, run)
        await ended.wait()

    async def run(self) -> None:
        """Run what is added, until closed."""
        async with asyncio.TaskGroup() as tasks:
            for _ in range(self.at_once):
                tasks.create_task(self._run_lanes())

    def close(self) -> None:
        """Begin no work any more; `run` returns when that which runs has ended."""
        for _ in range(self.at_once):
            self._ready.put_nowait(None)

    async def _run_lanes(self) -> None:
        while (key := await self._ready.get()) is not None:
            lane = self._lanes[key]
            while lane and not self._stop.is_set():
                await lane.popleft()()
                self.size -= 1
                self.ended += 1
                self.progress.set()
            del self._lanes[key]

# SPDX-License-Identifier: LGPL-2.1-or-later
"""Kills processes at random, and starts them again."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random

from drill.system import System

SHORTEST_LIVES_S = 1.0
"""Every other one dies as it starts, the others at some time of their lives."""
LONGEST_DEATH_S = 3.0


class Killer:
    """Kills some processes of a system, one at a time, and brings them back."""

    def __init__(
        self, system: System, names: list[str], longest_life_s: float, random: Random
    ) -> None:
        self.killed: list[str] = []
        self._system = system
        self._names = names
        self._lives_s = SHORTEST_LIVES_S, longest_life_s
        self._random = random
        self._stop = asyncio.Event()

    @asynccontextmanager
    async def killing(self) -> AsyncIterator[None]:
        """Kill again and again, as long as the block lasts."""
        task = asyncio.create_task(self._kill())
        try:
            yield
        finally:
            self._stop.set()
            await task

    async def _kill(self) -> None:
        random = self._random
        while not await self._stopped_within(random.choice(self._lives_s)):
            victim = random.choice(self._names)
            await self._system.processes.kill(victim)
            self.killed.append(victim)
            await asyncio.sleep(random.uniform(0, LONGEST_DEATH_S))
            await self._system.start()

    async def _stopped_within(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(self._random.uniform(0, seconds)):
                return await self._stop.wait()
        except TimeoutError:
            return False

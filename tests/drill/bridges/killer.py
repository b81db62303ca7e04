# SPDX-License-Identifier: LGPL-2.1-or-later
"""Kills processes at random times, and restarts them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random

from drill.system import System
from kci_shared.waiting import wait

STARTING_S = 1.0
"""Half of the processes are killed so soon after their start, the others later."""
MAX_DOWN_S = 3.0


class Killer:
    """Kills processes of a system, one at a time, and restarts them."""

    def __init__(
        self, system: System, names: list[str], longest_life_s: float, random: Random
    ) -> None:
        self.killed: list[str] = []
        self._system = system
        self._names = names
        self._lives_s = STARTING_S, longest_life_s
        self._random = random
        self._stop = asyncio.Event()

    @asynccontextmanager
    async def killing(self) -> AsyncIterator[None]:
        """Kill repeatedly while the context is open."""
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
            await asyncio.sleep(random.uniform(0, MAX_DOWN_S))
            await self._system.start()

    async def _stopped_within(self, seconds: float) -> bool:
        return await wait(self._stop, self._random.uniform(0, seconds))

# SPDX-License-Identifier: LGPL-2.1-or-later
"""CPU time of processes, and what a call costs of it."""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from bench.load import SECONDS

TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")

Work = Callable[[], Awaitable[int]]
"""Makes calls for some seconds, and tells how many."""


def cpu_seconds(pid: int) -> float:
    """Return the CPU time that a process has used: proc(5), fields 14 and 15."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def resident_mib(pid: int) -> float:
    """Return how much memory a process has: proc(5), statm."""
    pages = Path(f"/proc/{pid}/statm").read_text().split()[1]
    return int(pages) * PAGE / 2**20


@dataclass
class Cost:
    """What calls took, each, in milliseconds: in the round that was disturbed least."""

    cpu: list[float] = field(default_factory=list)
    """Of the process that is measured."""
    database: list[float] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)

    @property
    def cpu_ms(self) -> float:
        """The CPU time of the process that is measured."""
        return min(self.cpu)

    @property
    def database_ms(self) -> float:
        """The CPU time of the database."""
        return min(self.database)

    @property
    def wall_ms(self) -> float:
        """The time between two answers."""
        return min(self.wall)

    async def add(self, work: Work, pid: int, database: int) -> None:
        """Measure one round of calls; `work` makes them, and tells how many."""
        before = (cpu_seconds(pid), cpu_seconds(database), time.perf_counter())
        count = await work()
        after = (cpu_seconds(pid), cpu_seconds(database), time.perf_counter())
        figures = zip((self.cpu, self.database, self.wall), before, after, strict=True)
        for figure, start, end in figures:
            figure.append((end - start) / count * 1000)


def calling(call: Callable[[], Awaitable[object]], at_once: int) -> Work:
    """Return work that makes a call for some seconds, some of them at once."""

    async def work() -> int:
        end = time.perf_counter() + SECONDS
        counts = await asyncio.gather(*(_until(end, call) for _ in range(at_once)))
        return sum(counts)

    return work


async def _until(end: float, call: Callable[[], Awaitable[object]]) -> int:
    count = 0
    while time.perf_counter() < end:
        await call()
        count += 1
    return count

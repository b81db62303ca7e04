# SPDX-License-Identifier: LGPL-2.1-or-later
"""Facts about a run, written to its node while it runs; several in one request."""

import asyncio
from typing import Any, NoReturn

from kci_shared.models import Progress
from kci_shared.work.held_node import HeldNode

ORDER = list(Progress)


class Notes:
    """Collects facts and progress of a run, and writes them as they change."""

    def __init__(self, held: HeldNode, progress: Progress | None = None) -> None:
        self._held = held
        self._progress = progress
        self._unwritten: dict[str, Any] = {}
        self._changed = asyncio.Event()
        self._writing = asyncio.Lock()

    def progress(self, progress: Progress) -> None:
        """Record how far the run is; an earlier stage than before is ignored."""
        if self._progress is None or ORDER.index(progress) > ORDER.index(
            self._progress
        ):
            self._progress = progress
            self.add(progress=progress)

    def add(self, **facts: Any) -> None:
        """Record facts for the next write."""
        self._unwritten |= facts
        self._changed.set()

    async def write(self) -> NoReturn:
        """Write what is recorded, until cancelled."""
        while True:
            await self._changed.wait()
            await self.flush()

    async def flush(self) -> None:
        """Write the rest; when it returns, no write is in progress."""
        async with self._writing:
            self._changed.clear()
            facts, self._unwritten = self._unwritten, {}
            if facts:
                await self._held.note(**facts)

# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is known of a run while it goes on, on its way to the node in few writes."""

import asyncio
from typing import Any, NoReturn

from kci_shared.models import Progress
from kci_shared.work.held import Held

ORDER = list(Progress)


class Notes:
    """The lab's own facts, and how far the run is: written as they change."""

    def __init__(self, held: Held, progress: Progress | None = None) -> None:
        self._held = held
        self._progress = progress
        self._fresh: dict[str, Any] = {}
        self._wake = asyncio.Event()
        self._writing = asyncio.Lock()

    def tell(self, progress: Progress) -> None:
        """Note how far the run is; it never goes back."""
        if self._progress is None or ORDER.index(progress) > ORDER.index(
            self._progress
        ):
            self._progress = progress
            self.add(progress=progress)

    def add(self, **facts: Any) -> None:
        """Note facts; they are written together with what comes at the same time."""
        self._fresh |= facts
        self._wake.set()

    async def write(self) -> NoReturn:
        """Write what is noted, for as long as the run lasts."""
        while True:
            await self._wake.wait()
            await self.flush()

    async def flush(self) -> None:
        """Write what is left; nothing is on its way afterwards."""
        async with self._writing:
            self._wake.clear()
            fresh, self._fresh = self._fresh, {}
            if fresh:
                await self._held.note(**fresh)

# SPDX-License-Identifier: LGPL-2.1-or-later
"""How a write tells the relay that an event waits in its node."""

import asyncio


class Outbox:
    """The relay's bell: cheap to ring, and one ring is enough for many writes."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()

    def wake(self) -> None:
        """Tell the relay of this process that there is something to move."""
        self._rung.set()

    async def waiting(self, timeout: float) -> None:
        """Return when woken since the last time, or after `timeout` seconds."""
        try:
            async with asyncio.timeout(timeout):
                await self._rung.wait()
        except TimeoutError:
            return
        finally:
            self._rung.clear()

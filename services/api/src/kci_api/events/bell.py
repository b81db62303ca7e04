# SPDX-License-Identifier: LGPL-2.1-or-later
"""A bell by which writers wake the relay of their process."""

import asyncio

from kci_shared.waiting import wait


class Bell:
    """Wakes one waiter; several rings before it waits count as one."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """Wake the waiter."""
        self._rung.set()

    async def wait(self, timeout: float) -> None:
        """Return when rung since the last call, or after `timeout` seconds."""
        try:
            await wait(self._rung, timeout)
        finally:
            self._rung.clear()

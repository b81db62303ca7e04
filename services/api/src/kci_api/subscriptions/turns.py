# SPDX-License-Identifier: LGPL-2.1-or-later
"""Of two who listen on one subscription in this process the newer one has the turn."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from kci_shared.errors import Conflict

T = TypeVar("T")


class Turn:
    """One listen in this process, which a newer one may end while it waits."""

    def __init__(self) -> None:
        self.over = asyncio.Event()
        self._overtaken = False
        self._waiting: asyncio.Task[Any] | None = None

    def overtake(self) -> None:
        """End it, unless it is giving its answer already."""
        self._overtaken = True
        if self._waiting is not None:
            self._waiting.cancel()

    def look_again(self) -> None:
        """Make it look again, from where the place is now."""
        if self._waiting is not None:
            self._waiting.cancel()

    async def wait(self, look: Coroutine[Any, Any, T]) -> T:
        """Return what comes of a look; `Conflict` if a newer turn begins first.

        `PlaceMoved` if the place was moved.
        """
        if self._overtaken:
            look.close()
            raise overtaken()
        waiting: asyncio.Task[T] = asyncio.create_task(look)
        self._waiting = waiting
        try:
            return await waiting
        except asyncio.CancelledError:
            if self._overtaken:
                raise overtaken() from None
            if waiting.cancelled() and not cancelling():
                raise PlaceMoved from None
            raise
        finally:
            self._waiting = None


class PlaceMoved(Exception):
    """The place is not where it was."""


def cancelling() -> bool:
    """Say whether it is we who are to end."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def overtaken() -> Conflict:
    """Tell the older of two who listen that it is not the one."""
    return Conflict("somebody else listens on this subscription now, or ended it")

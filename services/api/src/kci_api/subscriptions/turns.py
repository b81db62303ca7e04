# SPDX-License-Identifier: LGPL-2.1-or-later
"""Of two listens on one subscription in this process, the newer one wins."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from kci_shared.errors import Conflict

T = TypeVar("T")


class Turn:
    """One listen in this process, which a newer one may supersede while it waits."""

    def __init__(self) -> None:
        self.over = asyncio.Event()
        self._superseded = False
        self._waiting: asyncio.Task[Any] | None = None

    def supersede(self) -> None:
        """End this turn, unless it is about to respond."""
        self._superseded = True
        if self._waiting is not None:
            self._waiting.cancel()

    def search_again(self) -> None:
        """Make this turn search again from the present position."""
        if self._waiting is not None:
            self._waiting.cancel()

    async def wait(self, search: Coroutine[Any, Any, T]) -> T:
        """Return the result of a search.

        Raise `Conflict` if this turn is superseded, and `PositionMoved` if the position
        moved, before there is a result.
        """
        if self._superseded:
            search.close()
            raise superseded()
        waiting: asyncio.Task[T] = asyncio.create_task(search)
        self._waiting = waiting
        try:
            return await waiting
        except asyncio.CancelledError:
            if self._superseded:
                raise superseded() from None
            if waiting.cancelled() and not is_cancelling():
                raise PositionMoved from None
            raise
        finally:
            self._waiting = None


class PositionMoved(Exception):
    """The position of the subscription moved while a listen waited."""


def is_cancelling() -> bool:
    """Return whether the current task itself is being cancelled."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def superseded() -> Conflict:
    """Return the error for a listen that a newer one, or an end, superseded."""
    return Conflict("somebody else listens on this subscription now, or ended it")

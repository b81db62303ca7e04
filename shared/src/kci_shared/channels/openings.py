# SPDX-License-Identifier: LGPL-2.1-or-later
"""The channels of this process: whether all are up, and what waits until they are."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol, TypeVar

from kci_shared.errors import ChannelDown
from kci_shared.waiting import wait

T = TypeVar("T")

PAUSE_S = 1.0
"""Between two attempts of a call whose channel is not among those of the process."""


class Opening(Protocol):
    """A channel, as others see it."""

    name: str

    @property
    def problem(self) -> str:
        """Why the channel is down, and what to do; empty if it is up."""
        ...

    def require(self) -> None:
        """Raise `ChannelDown` if the channel is down."""
        ...

    async def up(self) -> None:
        """Wait until the channel is up."""
        ...

    def down_s(self, now: float) -> float:
        """Return for how long, in all, the channel has been down."""
        ...


class Openings:
    """The open channels of a process."""

    def __init__(self) -> None:
        self.channels: list[Opening] = []

    def problems(self) -> dict[str, str]:
        """Return why each channel is down that is; empty if all are up."""
        return {one.name: one.problem for one in self.channels if one.problem}


_OPENINGS: ContextVar[Openings | None] = ContextVar("openings", default=None)


@contextmanager
def collected() -> Iterator[Openings]:
    """Collect the channels that are opened in this context."""
    openings = Openings()
    token = _OPENINGS.set(openings)
    try:
        yield openings
    finally:
        _OPENINGS.reset(token)


@contextmanager
def enlisted(channel: Opening) -> Iterator[None]:
    """Let a channel be one of this process's, as long as the block runs."""
    openings = _OPENINGS.get() or Openings()
    openings.channels.append(channel)
    try:
        yield
    finally:
        openings.channels.remove(channel)


def _channels() -> list[Opening]:
    openings = _OPENINGS.get()
    return [] if openings is None else openings.channels


def require_all() -> None:
    """Raise `ChannelDown` if a channel of this process is down."""
    for channel in _channels():
        channel.require()


async def all_up(stop: asyncio.Event) -> None:
    """Return once all channels of this process are up, or `stop` is set."""
    while not stop.is_set():
        down = [channel for channel in _channels() if channel.problem]
        if not down:
            return
        up = asyncio.create_task(down[0].up())
        stopped = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({up, stopped}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            up.cancel()
            stopped.cancel()


async def patiently(call: Callable[[], Awaitable[T]]) -> T:
    """Make a call, and again for as long as its channel is down.

    Raises whatever else the call raises.
    """
    never = asyncio.Event()
    while True:
        try:
            return await call()
        except ChannelDown:
            await wait(never, PAUSE_S)
            await all_up(never)


async def pass_while_up(seconds: float) -> None:
    """Let a time pass, not counting while a channel of this process is down."""
    start = time.monotonic()
    down_before_s = _down_s(start)
    left_s = seconds
    while left_s > 0:
        await asyncio.sleep(left_s)
        now = time.monotonic()
        left_s = seconds - (now - start) + (_down_s(now) - down_before_s)


def _down_s(now: float) -> float:
    return sum(channel.down_s(now) for channel in _channels())

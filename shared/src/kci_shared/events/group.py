# SPDX-License-Identifier: LGPL-2.1-or-later
"""A consumer group of the event stream in Redis, and what belongs to it.

`node` is the stream of the API; its entries' ids are the events' positions.
`gaps:GROUP` lists positions that the group has not read, `missed:GROUP` has events of
the history that fill gaps, and `dead:GROUP` has those that were given up.
"""

import os
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from kci_shared.events.scripts import CLAIM, FILL, READ
from kci_shared.models import CHANNEL

TAKEOVER_MS = 10_000
"""Entries that a replica has not touched for longer are those of a dead replica."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """An entry of a stream that was delivered to this consumer."""

    stream: str
    entry_id: str
    text: bytes
    """The event as JSON."""

    @property
    def key(self) -> tuple[str, str]:
        """The entry, without what it contains."""
        return self.stream, self.entry_id


@dataclass(frozen=True, slots=True)
class Page:
    """What one read returned."""

    deliveries: list[Delivery]
    gap: str | None = None
    """The positions that must be filled before the group can read on: `5-9`."""
    last: str = "0"
    """The last entry that the group has read, if there is nothing new."""


class ConsumerGroup:
    """The entries of one service; its replicas share them."""

    def __init__(self, redis: Redis, name: str) -> None:
        self._redis = redis
        self.name = name
        self.missed = f"missed:{name}"
        self.gaps = f"gaps:{name}"
        self.dead = f"dead:{name}"
        self._consumer = f"{socket.gethostname()}-{os.getpid()}"
        self._read = redis.register_script(READ)
        self._claim = redis.register_script(CLAIM)
        self._fill = redis.register_script(FILL)

    async def create(self) -> None:
        """Create the group if it is missing; it begins with the first event."""
        for stream in (self.missed, CHANNEL):
            try:
                await self._redis.xgroup_create(stream, self.name, "0", mkstream=True)
            except ResponseError as error:
                if not str(error).startswith("BUSYGROUP"):
                    raise

    async def read(self, count: int) -> Page:
        """Read new entries: missed ones first; do not wait.

        Raise `ResponseError` with `NOGROUP` if the stream or the group was lost.
        """
        what, text, entries = await self._read(
            keys=[CHANNEL, self.missed, self.gaps],
            args=[self.name, self._consumer, count],
        )
        match what:
            case b"events":
                return Page(_deliveries(text.decode(), entries))
            case b"gap":
                return Page([], gap=text.decode())
            case _:
                return Page([], last=text.decode())

    async def wait(self, last: str, block_ms: int) -> None:
        """Return when there is an entry after the last one, or after some time."""
        await self._redis.xread({CHANNEL: last}, count=1, block=block_ms)

    async def fill(self, gap: str, rest: str, events: list[str]) -> bool:
        """Add missed events, and replace the gap by the rest of it.

        Return whether that was done: another replica may have been faster.
        """
        keys = [self.gaps, self.missed]
        return bool(await self._fill(keys=keys, args=[gap, rest, *events]))

    async def left_behind(self, count: int) -> list[tuple[str, str]]:
        """Return the keys of entries that no replica has touched for some time."""
        return await self._pending(count, idle=TAKEOVER_MS)

    async def own(self, count: int) -> list[tuple[str, str]]:
        """Return the keys of entries that this process has, as far as Redis knows."""
        return await self._pending(count, consumername=self._consumer)

    async def _pending(self, count: int, **which: Any) -> list[tuple[str, str]]:
        keys = []
        for stream in (self.missed, CHANNEL):
            pending: Any = await self._redis.xpending_range(
                stream, self.name, "-", "+", count, **which
            )
            keys += [(stream, one["message_id"].decode()) for one in pending]
        return keys

    async def take_over(self, keys: Iterable[tuple[str, str]]) -> list[Delivery]:
        """Claim what was left behind, unless another replica was faster."""
        return await self._claimed(keys, TAKEOVER_MS, 0, "take")

    async def take_again(self, keys: Iterable[tuple[str, str]]) -> list[Delivery]:
        """Claim entries once more that failed here."""
        return await self._claimed(keys, 0, 0, "take")

    async def keep(self, keys: Iterable[tuple[str, str]]) -> None:
        """Show the other replicas that this one is alive and has these entries."""
        await self._claimed(keys, 0, 0, "keep")

    async def give_back(self, keys: Iterable[tuple[str, str]]) -> None:
        """Let another replica claim entries at once."""
        await self._claimed(keys, 0, TAKEOVER_MS, "keep")

    async def _claimed(
        self, keys: Iterable[tuple[str, str]], least_ms: int, idle_ms: int, how: str
    ) -> list[Delivery]:
        claimed = []
        for stream, ids in _by_stream(keys):
            reply: Any = await self._claim(
                keys=[stream, self.gaps if stream == CHANNEL else ""],
                args=[self.name, self._consumer, least_ms, idle_ms, how, *ids],
            )
            claimed += _deliveries(stream, reply)
        return claimed

    async def attempts(self, delivery: Delivery) -> int:
        """Return how often an entry was delivered."""
        entry = delivery.entry_id
        pending: Any = await self._redis.xpending_range(
            delivery.stream, self.name, entry, entry, 1
        )
        return int(pending[0]["times_delivered"]) if pending else 1

    async def acknowledge(self, keys: Iterable[tuple[str, str]]) -> None:
        """Note that entries need not be delivered again."""
        async with self._redis.pipeline(transaction=True) as steps:
            self._settle(steps, keys)
            await steps.execute()

    async def bury(self, delivery: Delivery, reason: str) -> None:
        """Move an entry to the dead letters."""
        letter: Any = {
            "event": delivery.text,
            "reason": reason,
            "entry_id": delivery.entry_id,
        }
        async with self._redis.pipeline(transaction=True) as steps:
            steps.xadd(self.dead, letter)
            self._settle(steps, [delivery.key])
            await steps.execute()

    def _settle(self, steps: Any, keys: Iterable[tuple[str, str]]) -> None:
        for stream, ids in _by_stream(keys):
            steps.xack(stream, self.name, *ids)
            if stream == self.missed:  # nobody else reads it
                steps.xdel(stream, *ids)


def _deliveries(stream: str, flat: list[bytes]) -> list[Delivery]:
    pairs = zip(flat[::2], flat[1::2], strict=True)
    return [Delivery(stream, entry_id.decode(), text) for entry_id, text in pairs]


def _by_stream(
    keys: Iterable[tuple[str, str]],
) -> Iterable[tuple[str, list[str]]]:
    for stream, group in groupby(sorted(keys, key=_stream), key=_stream):
        yield stream, [entry_id for _, entry_id in group]


def _stream(key: tuple[str, str]) -> str:
    return key[0]

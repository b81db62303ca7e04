# SPDX-License-Identifier: LGPL-2.1-or-later
"""The dead letters of a service: events that were given up."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from redis.asyncio import Redis

from kci_shared.events.group import ConsumerGroup


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An event that was given up."""

    letter_id: str
    event: bytes
    """The event as JSON, or what was delivered in its place."""
    reason: str

    @property
    def time(self) -> datetime:
        """When it was given up."""
        milliseconds = int(self.letter_id.partition("-")[0])
        return datetime.fromtimestamp(milliseconds / 1000, UTC)


class DeadLetters:
    """Finds dead letters, delivers them again, and drops them."""

    def __init__(self, redis: Redis, group: ConsumerGroup) -> None:
        self._redis = redis
        self._group = group

    async def find(
        self, ids: Collection[str] = (), reason: str = ""
    ) -> list[DeadLetter]:
        """Return letters, oldest first: those with an id if any are given.

        With `reason` only those whose reason contains this text.
        """
        entries: Any = await self._redis.xrange(self._group.dead)
        letters = [_letter(entry_id.decode(), fields) for entry_id, fields in entries]
        return [
            letter
            for letter in letters
            if reason in letter.reason and (not ids or letter.letter_id in ids)
        ]

    async def replay(self, letters: Sequence[DeadLetter]) -> None:
        """Deliver events once more; what fails again becomes a dead letter again."""
        async with self._redis.pipeline(transaction=True) as steps:
            for letter in letters:
                steps.xadd(self._group.missed, {"event": letter.event})
                steps.xdel(self._group.dead, letter.letter_id)
            await steps.execute()

    async def drop(self, letters: Sequence[DeadLetter]) -> None:
        """Delete letters."""
        if letters:
            ids = [letter.letter_id for letter in letters]
            await self._redis.xdel(self._group.dead, *ids)


def _letter(letter_id: str, fields: dict[bytes, bytes]) -> DeadLetter:
    reason = fields.get(b"reason", b"").decode(errors="replace")
    return DeadLetter(letter_id, fields.get(b"event", b""), reason)

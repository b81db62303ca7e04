# SPDX-License-Identifier: LGPL-2.1-or-later
"""What clients publish, on all channels, as one Redis stream in one order."""

from typing import Any

from pydantic_core import from_json, to_json
from redis.asyncio import Redis
from redis.exceptions import RedisError

from kci_api.events.rules import Entry, Head

NAME = "published"
KEPT = 10_000
"""About how many messages there are for those who were away."""
READ = 500
A_MILLISECOND = 1_000_000
"""In places: a stream's id is a time and a number, a place is one number."""


class PublishedStream:
    """Past and present of what clients publish."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def add(self, channel: str, event: dict[str, Any]) -> None:
        """Publish an event."""
        fields: Any = {"channel": channel, "event": to_json(event)}
        await self._redis.xadd(NAME, fields, maxlen=KEPT)

    async def head(self) -> Head:
        """Return the last place that is taken; the first if that cannot be told."""
        try:
            stream: Any = await self._redis.xinfo_stream(NAME)
        except (RedisError, OSError):
            return Head()
        return Head(_place(stream["last-generated-id"]))

    async def after(self, sequence: int, limit: int) -> list[Entry]:
        """Return the messages that follow a place, as far back as they are kept."""
        start: Any = f"({_id(sequence)}"
        reply: Any = await self._redis.xrange(NAME, start, "+", count=limit)
        return [_entry(*one) for one in reply]

    async def read(self, after: int, block_ms: int) -> list[Entry]:
        """Return what follows a place, as soon as there is something, or nothing."""
        reply: Any = await self._redis.xread(
            {NAME: _id(after)}, count=READ, block=block_ms
        )
        return [_entry(*one) for one in reply[0][1]] if reply else []


def _entry(stream_id: str, fields: dict[str, str]) -> Entry:
    return Entry(
        _place(stream_id), from_json(fields["event"]), channel=fields["channel"]
    )


def _place(stream_id: str) -> int:
    time, _, number = stream_id.partition("-")
    return int(time) * A_MILLISECOND + int(number)


def _id(place: int) -> str:
    time, number = divmod(place, A_MILLISECOND)
    return f"{time}-{number}"

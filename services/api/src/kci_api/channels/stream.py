# SPDX-License-Identifier: LGPL-2.1-or-later
"""The messages of all channels, as one Redis stream."""

from typing import Any

from pydantic_core import from_json, to_json
from redis.asyncio import Redis
from redis.exceptions import RedisError

from kci_api.events.rules import Entry, Head

NAME = "published"
KEPT_MESSAGES = 10_000
"""About how many messages a returning subscriber can catch up on."""
BATCH = 500
POSITIONS_PER_MS = 1_000_000
"""A position is one number; a stream id is milliseconds and a number."""


class PublishedStream:
    """Past and new messages of clients."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def add(self, channel: str, event: dict[str, Any]) -> None:
        """Publish an event."""
        fields: Any = {"channel": channel, "event": to_json(event)}
        await self._redis.xadd(NAME, fields, maxlen=KEPT_MESSAGES)

    async def head(self) -> Head:
        """Return the last position; the first if Redis does not answer."""
        try:
            stream: Any = await self._redis.xinfo_stream(NAME)
        except (RedisError, OSError):
            return Head()
        return Head(_position(stream["last-generated-id"]))

    async def after(self, sequence: int, limit: int) -> list[Entry]:
        """Return the messages after a position, as far back as they are kept."""
        start: Any = f"({_id(sequence)}"
        reply: Any = await self._redis.xrange(NAME, start, "+", count=limit)
        return [_entry(*one) for one in reply]

    def follows(self, position: int, entry: Entry) -> bool:
        """Return true: positions are times, and the stream is all that is kept."""
        return True

    async def read(self, after: int, block_ms: int) -> list[Entry]:
        """Return the messages after a position; wait up to `block_ms` for the first."""
        reply: Any = await self._redis.xread(
            {NAME: _id(after)}, count=BATCH, block=block_ms
        )
        return [_entry(*one) for one in reply[0][1]] if reply else []


def _entry(stream_id: str, fields: dict[str, str]) -> Entry:
    return Entry(
        _position(stream_id), from_json(fields["event"]), channel=fields["channel"]
    )


def _position(stream_id: str) -> int:
    time, _, number = stream_id.partition("-")
    return int(time) * POSITIONS_PER_MS + int(number)


def _id(position: int) -> str:
    time, number = divmod(position, POSITIONS_PER_MS)
    return f"{time}-{number}"

# SPDX-License-Identifier: LGPL-2.1-or-later
"""The events of all nodes as a Redis stream; an entry's id is the event's place."""

from typing import Any

from pydantic_core import from_json
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from kci_api.events.rules import Entry
from kci_shared.models import CHANNEL

KEPT = 100_000
"""About how many of the latest events the stream has; the history has more."""


class NodeStream:
    """The stream that all services read."""

    def __init__(self, redis: Redis, name: str = CHANNEL) -> None:
        self._redis = redis
        self._name = name

    async def last(self) -> int:
        """Return the last place that was told; 0 when there is no stream."""
        return await self._last(self._redis)

    async def _last(self, redis: Redis) -> int:
        try:
            stream: Any = await redis.xinfo_stream(self._name)
        except ResponseError as error:
            if "no such key" not in str(error):
                raise
            return 0
        return _place(stream["last-generated-id"])

    async def extend(self, last: int, entries: list[Entry]) -> int:
        """Add entries if the stream still ends with `last`; return how many.

        All or none; a stream that is changed, or lost, meanwhile raises `WatchError`.
        """
        async with self._redis.pipeline(transaction=True) as change:
            await change.watch(self._name)
            if await self._last(change) != last:
                return 0
            change.multi()  # type: ignore[no-untyped-call]
            for entry in entries:
                fields: Any = {"event": entry.text}
                place = f"{entry.sequence}-0"
                change.xadd(self._name, fields, id=place, maxlen=KEPT)
            await change.execute()
        return len(entries)

    async def read(self, after: int, block_ms: int) -> list[Entry]:
        """Return what follows a place, as soon as there is something, or nothing."""
        reply: Any = await self._redis.xread(
            {self._name: f"{after}-0"}, count=500, block=block_ms
        )
        return [_entry(*entry) for entry in reply[0][1]] if reply else []


def _entry(place: str, fields: dict[str, str]) -> Entry:
    return Entry(_place(place), from_json(fields["event"]))


def _place(stream_id: str) -> int:
    return int(stream_id.partition("-")[0])

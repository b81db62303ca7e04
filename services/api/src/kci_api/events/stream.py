# SPDX-License-Identifier: LGPL-2.1-or-later
"""The events of all nodes as a Redis stream; an entry's id is the event's place."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from pydantic_core import from_json
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from kci_api.events.rules import Entry
from kci_shared.models import CHANNEL

KEPT = 200_000
"""About how many of the latest events the stream has; the history has more."""
LARGEST_PART = 2**64 - 1
"""Of the two numbers of an id the second: of a place we only know the first."""
LISTEN_S = 0.25


class NodeStream:
    """The stream that all services read."""

    def __init__(self, redis: Redis, name: str = CHANNEL) -> None:
        self._redis = redis
        self._name = name
        self._bell = f"{name}:waiting"

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
        start = f"{after}-{LARGEST_PART}"
        reply: Any = await self._redis.xread(
            {self._name: start}, count=500, block=block_ms
        )
        entries = [_entry(*one) for one in reply[0][1]] if reply else []
        ours = [entry for entry in entries if entry is not None]
        if entries and not ours:
            await asyncio.sleep(block_ms / 1000)  # until the relay has cleaned up
        return ours

    async def drop_if_foreign(self) -> bool:
        """Drop a stream whose end somebody else wrote, for nothing fits behind it."""
        newest: Any = await self._redis.xrevrange(self._name, count=1)
        if not newest or _entry(*newest[0]) is not None:
            return False
        await self._redis.delete(self._name)
        return True

    async def ring(self) -> None:
        """Tell the process that relays that events wait for it."""
        await self._redis.publish(self._bell, "")

    async def rung(self, stop: asyncio.Event) -> AsyncIterator[None]:
        """Yield whenever another process rings, until `stop` is set."""
        async with self._redis.pubsub(ignore_subscribe_messages=True) as bell:
            await bell.subscribe(self._bell)
            while not stop.is_set():
                if await bell.get_message(timeout=LISTEN_S):
                    yield


def _entry(place: str, fields: dict[str, str]) -> Entry | None:
    """Return an event of ours; None for what somebody else put into the stream."""
    try:
        event = from_json(fields["event"])
        ours = event["_sequence_id"] == _place(place) and "op" in event["data"]
    except (LookupError, TypeError, ValueError):
        return None
    return Entry(_place(place), event) if ours else None


def _place(stream_id: str) -> int:
    return int(stream_id.partition("-")[0])

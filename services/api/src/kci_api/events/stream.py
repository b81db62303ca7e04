# SPDX-License-Identifier: LGPL-2.1-or-later
"""The events of all nodes as a Redis stream, whose ids are the positions."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from pydantic_core import from_json
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from kci_api.events.rules import Entry
from kci_shared.models import CHANNEL

MAX_SECOND_PART = 2**64 - 1
"""Of a stream id `<position>-<n>`: greater than any entry at that position."""
POLL_S = 0.25
"""How long to wait for a ring; a stop takes effect after it."""


class NodeStream:
    """The stream that services read."""

    def __init__(self, redis: Redis, name: str = CHANNEL) -> None:
        self._redis = redis
        self._name = name
        self._bell = f"{name}:waiting"

    async def last(self) -> int:
        """Return the position of the last entry; 0 if there is no stream."""
        return await self._last(self._redis)

    async def _last(self, redis: Redis) -> int:
        try:
            stream: Any = await redis.xinfo_stream(self._name)
        except ResponseError as error:
            if "no such key" not in str(error):
                raise
            return 0
        return _position(stream["last-generated-id"])

    async def extend(self, last: int, entries: list[Entry], kept: int) -> int:
        """Add entries, all or none, if the stream ends at `last`; return how many.

        About `kept` of the latest entries stay in the stream.

        Raise `WatchError` if the stream is changed, or lost, meanwhile.
        """
        async with self._redis.pipeline(transaction=True) as change:
            await change.watch(self._name)
            if await self._last(change) != last:
                return 0
            change.multi()  # type: ignore[no-untyped-call]
            for entry in entries:
                fields: Any = {"event": entry.text}
                entry_id = f"{entry.sequence}-0"
                change.xadd(self._name, fields, id=entry_id, maxlen=kept)
            await change.execute()
        return len(entries)

    async def read(self, after: int, block_ms: int) -> list[Entry]:
        """Return the entries after a position; wait up to `block_ms` for the first."""
        start = f"{after}-{MAX_SECOND_PART}"
        reply: Any = await self._redis.xread(
            {self._name: start}, count=500, block=block_ms
        )
        entries = [_entry(*one) for one in reply[0][1]] if reply else []
        ours = [entry for entry in entries if entry is not None]
        if entries and not ours:
            await asyncio.sleep(block_ms / 1000)  # until the relay drops the stream
        return ours

    def follows(self, position: int, entry: Entry) -> bool:
        """Say whether an entry is the next one: positions have no gaps."""
        return entry.sequence == position + 1

    async def drop_if_foreign(self) -> bool:
        """Drop the stream if its last entry is not ours: no entry can follow it."""
        newest: Any = await self._redis.xrevrange(self._name, count=1)
        if not newest or _entry(*newest[0]) is not None:
            return False
        await self._redis.delete(self._name)
        return True

    async def ring(self) -> None:
        """Wake the relay in whichever process it runs."""
        await self._redis.publish(self._bell, "")

    async def rings(self, stop: asyncio.Event) -> AsyncIterator[None]:
        """Yield whenever a process calls `ring`, until `stop` is set."""
        async with self._redis.pubsub(ignore_subscribe_messages=True) as bell:
            await bell.subscribe(self._bell)
            while not stop.is_set():
                if await bell.get_message(timeout=POLL_S):
                    yield


def _entry(stream_id: str, fields: dict[str, str]) -> Entry | None:
    """Return the entry of an event; None if another program wrote it."""
    try:
        event = from_json(fields["event"])
        ours = event["_sequence_id"] == _position(stream_id) and "op" in event["data"]
    except (LookupError, TypeError, ValueError):
        return None
    return Entry(_position(stream_id), event) if ours else None


def _position(stream_id: str) -> int:
    return int(stream_id.partition("-")[0])

# SPDX-License-Identifier: LGPL-2.1-or-later
"""Events in MongoDB: pending ones in their nodes, and the history of all."""

from datetime import UTC, datetime, timedelta
from typing import Any

from pymongo import UpdateOne, WriteConcern
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import BulkWriteError
from pymongo.read_concern import ReadConcern

from kci_api.events.rules import Entry, Head, PendingEvent, ordered

Collection = AsyncCollection[dict[str, Any]]
CloudEvent = dict[str, Any]

DUPLICATE = 11000
TICK = timedelta(milliseconds=1)
QUERY_MS = 10_000


class PendingEvents:
    """The events in the outboxes of nodes."""

    def __init__(self, nodes: Collection) -> None:
        # a removal may be lost: to do it again is safe
        self._nodes = nodes.with_options(write_concern=WriteConcern(w=1, j=False))

    async def oldest(self, limit: int) -> list[PendingEvent]:
        """Return the pending events of up to `limit` nodes, oldest first."""
        query = {"outbox.version": {"$gt": 0}}
        cursor = self._nodes.find(query, {"outbox": 1})
        nodes = await cursor.sort("outbox.event.time").limit(limit).to_list()
        return ordered(
            [
                PendingEvent(node["_id"], e["version"], e["event"])
                for e in node["outbox"]
            ]
            for node in nodes
        )

    async def remove(self, events: list[PendingEvent]) -> None:
        """Remove events, which are in the history now, from their nodes."""
        latest = {one.node_id: one.version for one in events}
        # one by one: an update of many locks the embedded server's collection while
        # it waits for a transaction, which may wait for that lock
        removals = [
            UpdateOne({"_id": node}, {"$pull": {"outbox": {"version": {"$lte": last}}}})
            for node, last in latest.items()
        ]
        if removals:
            await self._nodes.bulk_write(removals, ordered=False)


class EventStore:
    """The history: every event once, at a position that never changes."""

    def __init__(self, events: Collection) -> None:
        # what a failover could roll back must not be published
        self._events = events.with_options(read_concern=ReadConcern("majority"))
        self._head = Head()

    async def head(self) -> Head:
        """Return the last position."""
        later = {"sequence": {"$gt": self._head.sequence}}
        cursor = self._events.find(later, {"sequence": 1, "timestamp": 1})
        for last in await cursor.sort("sequence", -1).limit(1).to_list():
            self._head = Head(last["sequence"], last["timestamp"])
        return self._head

    async def append(self, events: list[CloudEvent], floor: int = 0) -> None:
        """Add the events that are new at the next positions above `floor`, in order.

        If two processes do this at once, one of them finds its position taken, and
        tries again after the last position.
        """
        head = self._head if self._head.sequence else await self.head()
        while events:
            try:
                await self._insert(events, head, floor)
            except BulkWriteError as error:
                if any(e["code"] != DUPLICATE for e in error.details["writeErrors"]):
                    raise
                head = await self.head()
                events = await self._only_new(events)
            else:
                return

    async def _insert(self, events: list[CloudEvent], head: Head, floor: int) -> None:
        first = max(head.sequence, floor) + 1
        now = datetime.now(UTC)
        start = max(now, head.timestamp + TICK)
        documents = [
            {
                "_id": event["id"],
                "sequence": first + i,
                "timestamp": start + i * TICK,
                "event": event,
            }
            for i, event in enumerate(events)
        ]
        await self._events.insert_many(documents, ordered=True)
        self._head = Head(documents[-1]["sequence"], documents[-1]["timestamp"])

    async def _only_new(self, events: list[CloudEvent]) -> list[CloudEvent]:
        ids = [event["id"] for event in events]
        cursor = self._events.find({"_id": {"$in": ids}}, {"_id": 1})
        existing = {document["_id"] for document in await cursor.to_list()}
        return [event for event in events if event["id"] not in existing]

    async def after(self, sequence: int, limit: int) -> list[Entry]:
        """Return up to `limit` entries after a position."""
        # by range: the embedded server sorts all matches before it applies the limit
        page = {"$gt": sequence, "$lte": sequence + limit}
        return await self._ordered(page, limit) or await self._ordered(
            {"$gt": sequence}, limit
        )

    async def _ordered(self, range_: dict[str, int], limit: int) -> list[Entry]:
        cursor = self._events.find({"sequence": range_}).sort("sequence")
        return [_entry(document) for document in await cursor.limit(limit).to_list()]

    async def find(self, query: dict[str, Any], offset: int, limit: int) -> list[Entry]:
        """Return the events that match, oldest first."""
        if query.keys() == {"sequence"} and not offset:
            return await self.after(query["sequence"]["$gt"], limit)
        order = "sequence" if "sequence" in query else "timestamp"
        cursor = self._events.find(query, max_time_ms=QUERY_MS).sort(order)
        return [
            _entry(document)
            for document in await cursor.skip(offset).limit(limit).to_list()
        ]

    async def prune(self, days: float) -> None:
        """Delete events that are older; the last one stays: it marks the position."""
        head = await self.head()
        oldest = datetime.now(UTC) - timedelta(days=days)
        await self._events.delete_many(
            {"timestamp": {"$lt": oldest}, "sequence": {"$lt": head.sequence}}
        )


def _entry(document: dict[str, Any]) -> Entry:
    return Entry(document["sequence"], document["event"], document["timestamp"])

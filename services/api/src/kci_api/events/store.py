# SPDX-License-Identifier: LGPL-2.1-or-later
"""Events in MongoDB: those that wait in their nodes, and the history of all."""

from datetime import UTC, datetime, timedelta
from typing import Any

from pymongo import UpdateOne, WriteConcern
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import BulkWriteError
from pymongo.read_concern import ReadConcern

from kci_api.events.rules import Entry, Head, Waiting, ordered

Collection = AsyncCollection[dict[str, Any]]
CloudEvent = dict[str, Any]

DUPLICATE = 11000
TICK = timedelta(milliseconds=1)
QUERY_MS = 10_000


class PendingEvents:
    """The events that still lie in the `outbox` of their nodes."""

    def __init__(self, nodes: Collection) -> None:
        # to take one out twice does no harm, so that need not be journaled
        self._nodes = nodes.with_options(write_concern=WriteConcern(w=1, j=False))

    async def oldest(self, limit: int) -> list[Waiting]:
        """Return the events of up to `limit` nodes, the oldest first."""
        query = {"outbox.version": {"$gt": 0}}
        found = self._nodes.find(query, {"outbox": 1})
        nodes = await found.sort("outbox.event.time").limit(limit).to_list()
        return ordered(
            [Waiting(node["_id"], e["version"], e["event"]) for e in node["outbox"]]
            for node in nodes
        )

    async def remove(self, events: list[Waiting]) -> None:
        """Take events, which are in the history now, out of their nodes."""
        latest = {one.node: one.version for one in events}
        # one by one: an update of many holds the embedded server's collection while
        # it waits for a transaction, which may in turn wait for the collection
        removals = [
            UpdateOne({"_id": node}, {"$pull": {"outbox": {"version": {"$lte": last}}}})
            for node, last in latest.items()
        ]
        if removals:
            await self._nodes.bulk_write(removals, ordered=False)


class EventStore:
    """The history: every event once, in one order, each at its place for ever."""

    def __init__(self, events: Collection) -> None:
        # what a failover could take back again must not be told
        self._events = events.with_options(read_concern=ReadConcern("majority"))
        self._head = Head()

    async def head(self) -> Head:
        """Return the last place that is taken."""
        later = {"sequence": {"$gt": self._head.sequence}}
        found = self._events.find(later, {"sequence": 1, "timestamp": 1})
        for last in await found.sort("sequence", -1).limit(1).to_list():
            self._head = Head(last["sequence"], last["timestamp"])
        return self._head

    async def append(self, events: list[CloudEvent], floor: int = 0) -> None:
        """Give each event that is new a place: the next, above `floor`, in order.

        Two may do this at once: places are unique, so one of them finds his taken,
        and looks again at what there is.
        """
        head = self._head if self._head.sequence else await self.head()
        while events:
            try:
                await self._insert(events, head, floor)
            except BulkWriteError as error:
                if any(e["code"] != DUPLICATE for e in error.details["writeErrors"]):
                    raise
                head = await self.head()
                events = await self._without_known(events)
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

    async def _without_known(self, events: list[CloudEvent]) -> list[CloudEvent]:
        ids = [event["id"] for event in events]
        found = self._events.find({"_id": {"$in": ids}}, {"_id": 1})
        known = {document["_id"] for document in await found.to_list()}
        return [event for event in events if event["id"] not in known]

    async def after(self, sequence: int, limit: int) -> list[Entry]:
        """Return events that follow a place, if there are any."""
        # a page by its places: the embedded database sorts all that it is asked for
        page = {"$gt": sequence, "$lte": sequence + limit}
        return await self._ordered(page, limit) or await self._ordered(
            {"$gt": sequence}, limit
        )

    async def _ordered(self, places: dict[str, int], limit: int) -> list[Entry]:
        found = self._events.find({"sequence": places}).sort("sequence")
        return [_entry(d) for d in await found.limit(limit).to_list()]

    async def find(self, query: dict[str, Any], offset: int, limit: int) -> list[Entry]:
        """Return the events that match, oldest first."""
        found = self._events.find(query, max_time_ms=QUERY_MS).sort("timestamp")
        return [_entry(d) for d in await found.skip(offset).limit(limit).to_list()]

    async def prune(self, days: float) -> None:
        """Forget what is older; the last event stays, for it tells the next place."""
        head = await self.head()
        oldest = datetime.now(UTC) - timedelta(days=days)
        await self._events.delete_many(
            {"timestamp": {"$lt": oldest}, "sequence": {"$lt": head.sequence}}
        )


def _entry(document: dict[str, Any]) -> Entry:
    return Entry(document["sequence"], document["event"], document["timestamp"])

# SPDX-License-Identifier: LGPL-2.1-or-later
"""HTTP routes of events."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Header, Query
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from kci_api.dependencies import store_of
from kci_api.events.broadcast import Broadcast
from kci_api.events.rules import Entry, EventFilter
from kci_api.events.sse import HEADERS, chunks
from kci_api.events.store import EventStore
from kci_api.times import parse_time, stamp
from kci_shared.errors import BadRequest
from kci_shared.models import CHANNEL
from kci_shared.models.sizes import Integer, LongText, Text

router = APIRouter(tags=["events"])

MAX_SEQUENCE = 2**62
"""No position is greater; the database's integers have 64 bits."""


class EventQuery(EventFilter):
    """Conditions on past events, and a page of the matches."""

    id: Text | None = None
    ids: Annotated[LongText | None, Field(description="ids, separated by commas")] = (
        None
    )
    node_id: Text | None = None
    channel: Literal["node"] = "node"
    since: Annotated[
        Text | None,
        Field(alias="from", description="only events after this time or sequence_id"),
    ] = None
    limit: Annotated[int, Field(ge=1, le=1000)] = 1000
    offset: Annotated[int, Field(ge=0, le=10_000_000)] = 0

    def mongo_filter(self) -> dict[str, Any]:
        """Return the conditions as a MongoDB filter."""
        query: dict[str, Any] = {
            f"event.data.{field}": {"$in": values}
            for field, values in self.conditions.items()
        }
        if self.id is not None and self.ids is not None:
            raise BadRequest("give either id or ids")
        if self.id is not None:
            query["_id"] = self.id
        if self.ids is not None:
            query["_id"] = {"$in": self.ids.split(",")}
        if self.node_id is not None:
            query["event.data.id"] = self.node_id
        if self.since is not None:
            query |= _after(self.since)
        return query


def _after(since: str) -> dict[str, Any]:
    """Return the condition for events after a position, or after a time."""
    if since.isdecimal():
        return {"sequence": {"$gt": min(int(since), MAX_SEQUENCE)}}
    return {"timestamp": {"$gt": parse_time(since)}}


class EventRead(BaseModel):
    """A past event."""

    id: str
    timestamp: str
    sequence_id: int
    """Pass the last event's as `from` to get the events after it, without a gap."""
    channel: str
    owner: str | None
    data: dict[str, Any]


@router.get("/events")
async def list_events(
    query: Annotated[EventQuery, Query()],
    history: Annotated[EventStore, Depends(store_of(EventStore))],
) -> list[EventRead]:
    """List past events, oldest first."""
    entries = await history.find(query.mongo_filter(), query.offset, query.limit)
    return [_read(entry) for entry in entries]


@router.get(
    "/events/stream",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {}}}},
)
async def stream_events(
    conditions: Annotated[EventFilter, Query()],
    broadcast: Annotated[Broadcast, Depends(store_of(Broadcast))],
    last_event_id: Annotated[Integer | None, Header(ge=0)] = None,
) -> StreamingResponse:
    """Stream events as they happen; with Last-Event-ID, missed ones first."""
    after = broadcast.position if last_event_id is None else last_event_id
    stream = chunks(broadcast, conditions, after)
    return StreamingResponse(stream, headers=HEADERS, media_type="text/event-stream")


def _read(entry: Entry) -> EventRead:
    assert entry.timestamp is not None
    return EventRead(
        id=entry.event["id"],
        timestamp=stamp(entry.timestamp),
        sequence_id=entry.sequence,
        channel=CHANNEL,
        owner=entry.event.get("owner"),
        data=entry.event["data"],
    )

# SPDX-License-Identifier: LGPL-2.1-or-later
"""HTTP route of past events."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel

from kci_api.dependencies import find_store, store_of
from kci_api.events.rules import Entry
from kci_api.events.store import EventStore
from kci_api.history.rules import EventQuery
from kci_api.nodes.queries import OLDEST_FIRST, NodeQuery
from kci_api.nodes.store import NodeStore
from kci_api.nodes.wire import json_response, node_fields
from kci_api.requests import parse_id
from kci_api.times import stamp
from kci_shared.models import CHANNEL, Node

router = APIRouter(tags=["events"])


class EventRead(BaseModel):
    """A past event."""

    id: str
    timestamp: str
    sequence_id: int
    """Pass the last event's as `from` to get the events after it, without a gap."""
    channel: str
    owner: str | None
    data: dict[str, Any]
    node: Node | None = None
    """Only with `recursive`: the node as it is now; null if it was removed."""


@router.get("/events", response_model=list[EventRead])
async def list_events(
    query: Annotated[EventQuery, Query()],
    history: Annotated[EventStore, Depends(store_of(EventStore))],
    request: Request,
) -> Response:
    """List past events, oldest first; with `recursive`, each with its node."""
    entries = await history.find(query.mongo_filter(), query.offset, query.limit)
    events = [_read(entry) for entry in entries]
    if query.recursive:
        nodes = await _nodes_of(entries, find_store(request, NodeStore))
        events = [{**one, "node": nodes.get(one["data"]["id"])} for one in events]
    return json_response(events)


async def _nodes_of(
    entries: Sequence[Entry], nodes: NodeStore
) -> dict[str, dict[str, Any]]:
    """Return the nodes of events by their ids, by one query."""
    ids = {entry.event["data"]["id"] for entry in entries}
    among = {"_id": {"$in": [parse_id(one) for one in sorted(ids)]}}
    found = await nodes.find(NodeQuery(among, OLDEST_FIRST, len(ids), 0)) if ids else []
    return {str(document["_id"]): node_fields(document) for document in found}


def _read(entry: Entry) -> dict[str, Any]:
    assert entry.timestamp is not None
    return {
        "id": entry.event["id"],
        "timestamp": stamp(entry.timestamp),
        "sequence_id": entry.sequence,
        "channel": CHANNEL,
        "owner": entry.event.get("owner"),
        "data": entry.event["data"],
    }

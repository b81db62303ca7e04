# SPDX-License-Identifier: LGPL-2.1-or-later
"""HTTP routes of events."""

from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.responses import StreamingResponse

from kci_api.dependencies import store_of
from kci_api.events.broadcast import Broadcast
from kci_api.events.byte_budget import Reader, Unread
from kci_api.events.rules import EventFilter
from kci_api.events.sse import HEADERS, chunks
from kci_api.resets import reset_of
from kci_shared.models.sizes import Integer

router = APIRouter(tags=["events"])


@router.get(
    "/events/stream",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {}}}},
)
async def stream_events(
    conditions: Annotated[EventFilter, Query()],
    broadcast: Annotated[Broadcast, Depends(store_of(Broadcast))],
    unread: Annotated[Unread, Depends(store_of(Unread))],
    request: Request,
    last_event_id: Annotated[Integer | None, Header(ge=0)] = None,
) -> StreamingResponse:
    """Stream events as they happen; with Last-Event-ID, missed ones first.

    A client that reads too slowly is disconnected when all streams hold too much.
    """
    after = broadcast.position if last_event_id is None else last_event_id
    reader = Reader(reset_of(request).disconnect)
    stream = chunks(broadcast, conditions, after, unread, reader)
    return StreamingResponse(stream, headers=HEADERS, media_type="text/event-stream")

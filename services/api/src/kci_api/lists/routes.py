# SPDX-License-Identifier: LGPL-2.1-or-later
"""HTTP routes of lists."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from pydantic_core import to_json

from kci_api.callers.auth import UnrestrictedCaller
from kci_api.channels.rules import ChannelName, Message, cloud_event
from kci_api.dependencies import store_of
from kci_api.lists.store import ListStore
from kci_api.times import now

router = APIRouter(tags=["events"])


Lists = Annotated[ListStore, Depends(store_of(ListStore))]


@router.post("/push/{list_name}")
async def push(
    list_name: ChannelName, message: Message, caller: UnrestrictedCaller, lists: Lists
) -> None:
    """Append a message to a list; one client will get it."""
    await lists.push(list_name, to_json(cloud_event(message, caller, now())))


@router.get("/pop/{list_name}", response_model=dict[str, Any] | None)
async def pop(
    list_name: ChannelName, _: UnrestrictedCaller, lists: Lists, request: Request
) -> Response:
    """Take the first message of a list; null if none comes within 45 seconds."""
    message = await lists.pop(list_name, request.is_disconnected)
    return Response(message or "null", media_type="application/json")

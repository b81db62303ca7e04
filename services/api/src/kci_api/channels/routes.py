# SPDX-License-Identifier: LGPL-2.1-or-later
"""Publishing over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request

from kci_api.callers.auth import FreeCaller
from kci_api.channels.rules import ChannelName, Message, check_channel, cloud_event
from kci_api.channels.stream import PublishedStream
from kci_api.times import now

router = APIRouter(tags=["events"])


async def published(request: Request) -> PublishedStream:
    """Return what this application's clients publish."""
    found = request.app.state.published
    assert isinstance(found, PublishedStream)
    return found


@router.post("/publish/{channel}")
async def publish(
    channel: ChannelName,
    message: Message,
    caller: FreeCaller,
    stream: Annotated[PublishedStream, Depends(published)],
) -> None:
    """Tell something to all who subscribed to a channel."""
    check_channel(channel)
    await stream.add(channel, cloud_event(message, caller, now()))

# SPDX-License-Identifier: LGPL-2.1-or-later
"""HTTP route to publish messages."""

from typing import Annotated

from fastapi import APIRouter, Depends

from kci_api.callers.auth import UnrestrictedCaller
from kci_api.channels.rules import ChannelName, Message, check_channel, cloud_event
from kci_api.channels.stream import PublishedStream
from kci_api.dependencies import store_of
from kci_api.times import now

router = APIRouter(tags=["events"])


PublishedMessages = Annotated[PublishedStream, Depends(store_of(PublishedStream))]


@router.post("/publish/{channel}")
async def publish(
    channel: ChannelName,
    message: Message,
    caller: UnrestrictedCaller,
    stream: PublishedMessages,
) -> None:
    """Publish a message to all subscribers of a channel."""
    check_channel(channel)
    await stream.add(channel, cloud_event(message, caller, now()))

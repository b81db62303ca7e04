# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a client may tell others, and the CloudEvent that it becomes."""

from datetime import datetime
from typing import Annotated, Any
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import to_json

from kci_api.callers.rules import Caller
from kci_api.requests import check_storable
from kci_api.times import stamp
from kci_shared.errors import NotPermitted, TooLarge
from kci_shared.models import CHANNEL

LARGEST = 64 << 10
"""In bytes: a channel tells of things, and does not carry them."""

ChannelName = Annotated[
    str, Field(pattern=r"^[^\s/\x00-\x1f]+$", max_length=100, examples=["retry"])
]
Attribute = Annotated[str, Field(pattern=r"^[a-z0-9_]{1,40}$")]


class Message(BaseModel):
    """What a client tells, to become a CloudEvent."""

    model_config = ConfigDict(extra="forbid")

    data: Annotated[
        dict[str, Any] | list[Any] | str | bool | int | float,
        Field(description="anything but null"),
    ]
    type: Annotated[str, Field(min_length=1, max_length=200)] = "api.kernelci.org"
    source: Annotated[str, Field(min_length=1, max_length=200)] = (
        "https://api.kernelci.org/"
    )
    attributes: Annotated[
        dict[Attribute, str | int | bool],
        Field(max_length=20, description="more attributes of the CloudEvent"),
    ] = {}


def check_channel(channel: str) -> None:
    """Refuse to tell on the channel of the nodes what no node did."""
    if channel == CHANNEL:
        raise NotPermitted(
            f"channel {CHANNEL!r} tells what happens to nodes: change one instead"
        )


def cloud_event(message: Message, caller: Caller, now: datetime) -> dict[str, Any]:
    """Return a message as the event that others hear; who sent it cannot be forged."""
    check_storable(message.model_dump(), ("body",))
    event = {
        **message.attributes,
        "specversion": "1.0",
        "id": str(uuid4()),
        "source": message.source,
        "type": message.type,
        "time": stamp(now),
        "data": message.data,
        "owner": caller.name,
    }
    if len(to_json(event)) > LARGEST:
        raise TooLarge(f"over {LARGEST} bytes; store it as an artifact")
    return event

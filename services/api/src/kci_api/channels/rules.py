# SPDX-License-Identifier: LGPL-2.1-or-later
"""Messages of clients, and the CloudEvents made of them."""

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
from kci_shared.models.sizes import Integer, Text

MAX_EVENT_BYTES = 64 << 10
"""Larger content belongs into an artifact."""

ChannelName = Annotated[
    str, Field(pattern=r"^[^\s/\x00-\x1f]+$", max_length=100, examples=["retry"])
]
Attribute = Annotated[str, Field(pattern=r"^[a-z0-9_]{1,40}$")]


class Message(BaseModel):
    """What a client publishes, as a CloudEvent."""

    model_config = ConfigDict(extra="forbid")

    data: Annotated[
        dict[str, Any] | list[Any] | str | bool | int | float,
        Field(description="anything but null"),
    ]
    type: Annotated[Text, Field(min_length=1, max_length=200)] = "api.kernelci.org"
    source: Annotated[Text, Field(min_length=1, max_length=200)] = (
        "https://api.kernelci.org/"
    )
    attributes: Annotated[
        dict[Attribute, Text | Integer | bool],
        Field(max_length=20, description="more attributes of the CloudEvent"),
    ] = {}


def check_channel(channel: str) -> None:
    """Raise `NotPermitted` for the channel of the nodes' own events."""
    if channel == CHANNEL:
        raise NotPermitted(
            f"channel {CHANNEL!r} is for events of nodes only: change a node instead"
        )


def cloud_event(message: Message, caller: Caller, now: datetime) -> dict[str, Any]:
    """Return the event of a message; its owner is the caller, whatever it claims."""
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
    if len(to_json(event)) > MAX_EVENT_BYTES:
        raise TooLarge(f"over {MAX_EVENT_BYTES} bytes; store it as an artifact")
    return event

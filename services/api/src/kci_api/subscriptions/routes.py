# SPDX-License-Identifier: LGPL-2.1-or-later
"""HTTP routes of subscriptions."""

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import BaseModel

from kci_api.callers.auth import AdminCaller, CurrentCaller
from kci_api.channels.rules import ChannelName
from kci_api.dependencies import store_of
from kci_api.events.rules import message
from kci_api.resets import reset_of
from kci_api.subscriptions.listening import Listen, Subscriptions
from kci_api.subscriptions.rules import MAX_ID, Reach, Subscription, new_id
from kci_api.subscriptions.store import SubscriptionUse
from kci_api.times import stamp

router = APIRouter(tags=["events"])

MAX_EVENTS = 1000


class SubscriptionRead(BaseModel):
    """A subscription."""

    id: int
    channel: str
    user: str
    promiscuous: bool


class SubscriptionStats(SubscriptionRead):
    """A subscription, and when it was last used."""

    created: str
    last_poll: str


class Delivery(BaseModel):
    """What a listen returns."""

    type: str = "message"
    pattern: None = None
    channel: str
    data: str
    """A CloudEvent as JSON; `BEEP` if none came within 45 seconds."""


CurrentSubscriptions = Annotated[Subscriptions, Depends(store_of(Subscriptions))]
SubscriptionId = Annotated[int, Path(ge=0, le=MAX_ID)]
Received = Annotated[int | None, Query(ge=0, le=2**62)]


@router.post("/subscribe/{channel}")
async def subscribe(
    channel: ChannelName,
    caller: CurrentCaller,
    subscriptions: CurrentSubscriptions,
    promisc: bool = False,
    subscriber_id: Annotated[
        str | None, Query(pattern=r"^[^\s\x00-\x1f]+$", max_length=200)
    ] = None,
) -> SubscriptionRead:
    """Subscribe to a channel; `node` has the events of nodes.

    A subscription gets its user's own events and those without an owner, with `promisc`
    all. With a `subscriber_id` it is durable: who subscribes again with the same id
    first gets the events since.
    """
    reach = Reach.ALL if promisc else Reach.OWN
    new = Subscription(new_id(), channel, caller.name, reach, subscriber_id)
    await subscriptions.subscribe(new)
    return SubscriptionRead(**_read(new))


@router.get("/listen/{sub_id}", response_model=Delivery | list[Delivery])
async def listen(
    sub_id: SubscriptionId,
    caller: CurrentCaller,
    subscriptions: CurrentSubscriptions,
    request: Request,
    limit: Annotated[int | None, Query(alias="max", ge=1, le=MAX_EVENTS)] = None,
    ack: Received = None,
) -> Response:
    """Wait for an event; with `max` for up to so many, as a list.

    The last response counts as received, with `ack` only up to that `_sequence_id`.
    After 45 seconds without an event the response is `BEEP`.
    """
    listen_request = Listen(
        sub_id,
        caller.name,
        limit or 1,
        ack,
        disconnected=request.is_disconnected,
        reset=reset_of(request),
    )
    result = await subscriptions.listen(listen_request)
    messages = [one.message for one in result.entries] or [beep(result.channel)]
    body = messages[0] if limit is None else b"[" + b",".join(messages) + b"]"
    return Response(body, media_type="application/json")


@router.post("/unsubscribe/{sub_id}")
async def unsubscribe(
    sub_id: SubscriptionId, caller: CurrentCaller, subscriptions: CurrentSubscriptions
) -> None:
    """End a subscription."""
    await subscriptions.unsubscribe(sub_id, caller.name)


@router.get("/stats/subscriptions")
async def list_subscriptions(
    _: AdminCaller, subscriptions: CurrentSubscriptions
) -> list[SubscriptionStats]:
    """List all subscriptions."""
    return [_stats(use) for use in await subscriptions.all()]


def beep(channel: str) -> bytes:
    """Return the message that there was no event."""
    return message(channel, "BEEP")


def _read(subscription: Subscription) -> dict[str, Any]:
    return {
        "id": subscription.id,
        "channel": subscription.channel,
        "user": subscription.user,
        "promiscuous": subscription.reach is Reach.ALL,
    }


def _stats(use: SubscriptionUse) -> SubscriptionStats:
    return SubscriptionStats(
        **_read(use.subscription),
        created=stamp(datetime.fromtimestamp(use.created, UTC)),
        last_poll=stamp(datetime.fromtimestamp(use.polled, UTC)),
    )

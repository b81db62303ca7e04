# SPDX-License-Identifier: LGPL-2.1-or-later
"""Subscriptions over HTTP."""

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import BaseModel

from kci_api.callers.auth import AdminCaller, CurrentCaller
from kci_api.channels.rules import ChannelName
from kci_api.dependencies import store_of
from kci_api.events.rules import message
from kci_api.resets import reset_of
from kci_api.subscriptions.listening import ListenRequest, Subscriptions
from kci_api.subscriptions.rules import MAX_ID, Reach, Subscription, new_id
from kci_api.subscriptions.store import Known
from kci_api.times import stamp

router = APIRouter(tags=["events"])

MOST = 1000


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
    """What a listener hears."""

    type: str = "message"
    pattern: None = None
    channel: str
    data: str
    """A CloudEvent as JSON; `BEEP` when nothing came for 45 seconds."""


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
    """Subscribe to a channel; `node` tells what happens to nodes.

    One hears the events of nobody and one's own, with `promisc` all. A `subscriber_id`
    makes it durable: who comes back under it first hears what he has missed.
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
    most: Annotated[int | None, Query(alias="max", ge=1, le=MOST)] = None,
    ack: Received = None,
) -> Response:
    """Wait for an event; with `max` for up to so many, as a list.

    It takes what was answered the last time as received, or, with `ack`, what is up to
    that `_sequence_id`. After 45 seconds without an event the answer is `BEEP`.
    """
    asked = ListenRequest(
        *(sub_id, caller.name, most or 1, ack),
        gone=request.is_disconnected,
        reset=reset_of(request),
    )
    answer = await subscriptions.listen(asked)
    told = [entry.message for entry in answer.entries] or [beep(answer.channel)]
    text = told[0] if most is None else b"[" + b",".join(told) + b"]"
    return Response(text, media_type="application/json")


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
    return [_stats(known) for known in await subscriptions.all()]


def beep(channel: str) -> bytes:
    """Say that nothing happened, but that one is still there."""
    return message(channel, "BEEP")


def _read(subscription: Subscription) -> dict[str, Any]:
    return {
        "id": subscription.id,
        "channel": subscription.channel,
        "user": subscription.user,
        "promiscuous": subscription.reach is Reach.ALL,
    }


def _stats(known: Known) -> SubscriptionStats:
    return SubscriptionStats(
        **_read(known.subscription),
        created=stamp(datetime.fromtimestamp(known.created, UTC)),
        last_poll=stamp(datetime.fromtimestamp(known.polled, UTC)),
    )

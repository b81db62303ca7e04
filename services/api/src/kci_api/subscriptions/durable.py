# SPDX-License-Identifier: LGPL-2.1-or-later
"""Positions of durable subscribers in MongoDB."""

from typing import Any

from pymongo import WriteConcern
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import DuplicateKeyError

from kci_api.subscriptions.documents import SubscriberDocument
from kci_api.subscriptions.rules import Subscription, check_owner
from kci_api.times import now
from kci_shared.errors import BadRequest


class DurablePositions:
    """The positions of subscribers, by the names that they chose."""

    @property
    def _subscribers(self) -> AsyncCollection[dict[str, Any]]:
        # a position may be lost: the subscriber then gets some events again
        return SubscriberDocument.get_pymongo_collection().with_options(
            write_concern=WriteConcern(w=1, j=False)
        )

    async def begin(self, new: Subscription, position: int) -> tuple[int, int | None]:
        """Return the position of a subscriber, and its earlier subscription, if any.

        A new subscriber begins at `position`. Raise `NotPermitted` if the name belongs
        to another user.
        """
        at = now()
        document = {
            "_id": new.subscriber,
            "channel": new.channel,
            "user": new.user,
            "place": position,
            "subscription": new.id,
            "created": at,
            "polled": at,
        }
        try:
            await self._subscribers.insert_one(document)
        except DuplicateKeyError:
            return await self._resume(new)
        return position, None

    async def _resume(self, new: Subscription) -> tuple[int, int]:
        document = await self._subscribers.find_one({"_id": new.subscriber})
        assert document is not None, "its insert failed because it exists"
        check_owner(new.user, document["user"])
        if document["channel"] != new.channel:
            channel = document["channel"]
            raise BadRequest(f"subscriber_id {new.subscriber!r} listens to {channel!r}")
        await self._subscribers.update_one(
            {"_id": new.subscriber},
            {"$set": {"subscription": new.id, "polled": now()}},
        )
        return document["place"], document["subscription"]

    async def move(self, subscription: Subscription, position: int) -> None:
        """Set the position up to which a subscriber has received the channel."""
        await self._subscribers.update_one(
            {"_id": subscription.subscriber, "subscription": subscription.id},
            {"$set": {"place": position, "polled": now()}},
        )

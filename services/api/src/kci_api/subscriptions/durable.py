# SPDX-License-Identifier: LGPL-2.1-or-later
"""Durable subscribers in MongoDB."""

from typing import Any

from pymongo import WriteConcern
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import DuplicateKeyError

from kci_api.subscriptions.documents import SubscriberDocument
from kci_api.subscriptions.rules import Subscription, check_owner
from kci_api.times import now
from kci_shared.errors import BadRequest


class DurablePlaces:
    """Where subscribers were when they listened last, by the names they chose."""

    @property
    def _places(self) -> AsyncCollection[dict[str, Any]]:
        # to be taken back a little does no harm, so a place need not be journaled
        return SubscriberDocument.get_pymongo_collection().with_options(
            write_concern=WriteConcern(w=1, j=False)
        )

    async def begin(self, new: Subscription, place: int) -> tuple[int, int | None]:
        """Return from where a subscriber goes on, and his subscription until now.

        A new one begins at `place`. `NotPermitted` if the name is somebody else's.
        """
        at = now()
        document = {
            "_id": new.subscriber,
            "channel": new.channel,
            "user": new.user,
            "place": place,
            "subscription": new.id,
            "created": at,
            "polled": at,
        }
        try:
            await self._places.insert_one(document)
        except DuplicateKeyError:
            return await self._resume(new)
        return place, None

    async def _resume(self, new: Subscription) -> tuple[int, int]:
        found = await self._places.find_one({"_id": new.subscriber})
        assert found is not None, "it was there just now"
        check_owner(new.user, found["user"])
        if found["channel"] != new.channel:
            channel = found["channel"]
            raise BadRequest(f"subscriber_id {new.subscriber!r} listens to {channel!r}")
        await self._places.update_one(
            {"_id": new.subscriber},
            {"$set": {"subscription": new.id, "polled": now()}},
        )
        return found["place"], found["subscription"]

    async def move(self, subscription: Subscription, place: int) -> None:
        """Note what a subscriber has received."""
        await self._places.update_one(
            {"_id": subscription.subscriber, "subscription": subscription.id},
            {"$set": {"place": place, "polled": now()}},
        )

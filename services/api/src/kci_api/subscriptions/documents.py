# SPDX-License-Identifier: LGPL-2.1-or-later
"""The collection of durable subscribers in MongoDB, kept when Redis loses its data."""

from datetime import datetime, timedelta
from typing import Any, ClassVar

from beanie import Document
from pymongo import IndexModel

LIFE = timedelta(days=30)
"""How long the position of a subscriber is kept that does not come back."""


class SubscriberDocument(Document):
    """A name under which a client listens across its restarts."""

    id: str  # type: ignore[assignment]
    channel: str
    user: str
    place: int
    """The position of the last event that the subscriber has received."""
    subscription: int
    """The subscription that it uses now."""
    created: datetime
    polled: datetime

    class Settings:
        """The name of the collection, and when documents expire."""

        name = "subscriber"
        indexes: ClassVar[list[Any]] = [
            IndexModel("polled", expireAfterSeconds=int(LIFE.total_seconds()))
        ]

# SPDX-License-Identifier: LGPL-2.1-or-later
"""The places of durable subscribers, which a loss of Redis must not take."""

from datetime import datetime, timedelta
from typing import Any, ClassVar

from beanie import Document
from pymongo import IndexModel

LIFE = timedelta(days=30)
"""How long a place is kept that nobody comes back to."""


class SubscriberDocument(Document):
    """A name under which somebody listens, across restarts of his own."""

    id: str  # type: ignore[assignment]
    channel: str
    user: str
    place: int
    """Of the last event that he has received."""
    subscription: int
    """The one that he listens with now."""
    created: datetime
    polled: datetime

    class Settings:
        """Where subscribers lie, and when they go."""

        name = "subscriber"
        indexes: ClassVar[list[Any]] = [
            IndexModel("polled", expireAfterSeconds=int(LIFE.total_seconds()))
        ]

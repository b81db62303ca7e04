# SPDX-License-Identifier: LGPL-2.1-or-later
"""The history of events, and who writes it, as MongoDB keeps them."""

from datetime import datetime
from typing import Any, ClassVar

from beanie import Document
from pymongo import IndexModel


class EventDocument(Document):
    """One event in its place; its id is the event's own."""

    id: str  # type: ignore[assignment]
    sequence: int
    """From 1, without gaps: the id of its entry in the stream, too."""
    timestamp: datetime
    """When it got its place; grows with `sequence`, so a reader can go on from it."""
    event: dict[str, Any]
    """The CloudEvent, without its sequence."""

    class Settings:
        """Where events lie, and how they are found."""

        name = "event"
        indexes: ClassVar[list[Any]] = [
            IndexModel("sequence", unique=True),
            IndexModel("timestamp"),
            IndexModel([("event.data.kind", 1), ("timestamp", 1)]),
            IndexModel([("event.data.id", 1), ("timestamp", 1)]),
        ]


class LeaseDocument(Document):
    """Who does a job that one process of all should do."""

    id: str  # type: ignore[assignment]
    holder: str
    until: datetime

    class Settings:
        """Where leases lie."""

        name = "lease"

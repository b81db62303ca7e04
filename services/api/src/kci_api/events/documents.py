# SPDX-License-Identifier: LGPL-2.1-or-later
"""The collections of events and of leases in MongoDB."""

from datetime import datetime
from typing import Any, ClassVar

from beanie import Document
from pymongo import IndexModel


class EventDocument(Document):
    """One event at its position; its id is the id of the event."""

    id: str  # type: ignore[assignment]
    sequence: int
    """The position: from 1, without gaps; its stream entry has the same id."""
    timestamp: datetime
    """When it got its position; grows with it, so that readers can resume by time."""
    event: dict[str, Any]
    """The CloudEvent, without its sequence."""

    class Settings:
        """The name of the collection, and its indexes."""

        name = "event"
        indexes: ClassVar[list[Any]] = [
            IndexModel("sequence", unique=True),
            IndexModel("timestamp"),
            IndexModel([("event.data.kind", 1), ("timestamp", 1)]),
            IndexModel([("event.data.id", 1), ("timestamp", 1)]),
        ]


class LeaseDocument(Document):
    """The process that does a job which only one process should do."""

    id: str  # type: ignore[assignment]
    holder: str
    until: datetime

    class Settings:
        """The name of the collection."""

        name = "lease"

# SPDX-License-Identifier: LGPL-2.1-or-later
"""The collection of the audit trail in MongoDB."""

from datetime import datetime, timedelta
from typing import Any, ClassVar

from beanie import Document, PydanticObjectId
from pydantic import Field
from pymongo import IndexModel

LIFE = timedelta(days=730)


class AuditDocument(Document):
    """One change of a user, group, token or invitation."""

    id: PydanticObjectId = Field(alias="_id")
    at: datetime
    by: str
    action: str
    on: str
    """The name or the id of what was changed."""
    fields: dict[str, Any]
    """The fields that were set, without secrets."""

    class Settings:
        """The name of the collection, its indexes, and when documents expire."""

        name = "audit"
        indexes: ClassVar[list[Any]] = [
            IndexModel("at", expireAfterSeconds=int(LIFE.total_seconds())),
            IndexModel([("on", 1), ("_id", -1)]),
            IndexModel([("by", 1), ("_id", -1)]),
        ]

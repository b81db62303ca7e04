# SPDX-License-Identifier: LGPL-2.1-or-later
"""The audit trail as MongoDB keeps it."""

from datetime import datetime, timedelta
from typing import Any, ClassVar

from beanie import Document, PydanticObjectId
from pydantic import Field
from pymongo import IndexModel

LIFE = timedelta(days=730)


class AuditDocument(Document):
    """One thing that somebody did to users, groups, tokens or invitations."""

    id: PydanticObjectId = Field(alias="_id")
    at: datetime
    by: str
    action: str
    on: str
    """The name or the id of what was changed."""
    fields: dict[str, Any]
    """What was set, without secrets."""

    class Settings:
        """Where the trail lies, how it is read, and when it goes."""

        name = "audit"
        indexes: ClassVar[list[Any]] = [
            IndexModel("at", expireAfterSeconds=int(LIFE.total_seconds())),
            IndexModel([("on", 1), ("_id", -1)]),
            IndexModel([("by", 1), ("_id", -1)]),
        ]

# SPDX-License-Identifier: LGPL-2.1-or-later
"""The audit trail in MongoDB."""

from dataclasses import dataclass
from typing import Any

from bson import ObjectId
from pymongo.asynchronous.collection import AsyncCollection

from kci_api.audit.documents import AuditDocument
from kci_api.times import now
from kci_shared.logging import get_logger

log = get_logger(__name__)

QUERY_MS = 5_000


@dataclass(frozen=True)
class AuditQuery:
    """Conditions on entries, and a page of the matches."""

    by: str | None
    on: str | None
    limit: int
    offset: int


class Audit:
    """The audit trail; written before a change, so that no change is missing."""

    @property
    def _entries(self) -> AsyncCollection[dict[str, Any]]:
        return AuditDocument.get_pymongo_collection()

    async def record(self, by: str, action: str, on: str, **fields: Any) -> None:
        """Record that a caller is about to change something."""
        entry = {"at": now(), "by": by, "action": action, "on": on, "fields": fields}
        await self._entries.insert_one({"_id": ObjectId(), **entry})
        log.info(action, by=by, on=on, **fields)

    async def find(self, query: AuditQuery) -> list[dict[str, Any]]:
        """Return the entries that match, newest first."""
        conditions = {"by": query.by, "on": query.on}
        given = {name: value for name, value in conditions.items() if value is not None}
        entries = self._entries.find(given, max_time_ms=QUERY_MS).sort("_id", -1)
        return await entries.skip(query.offset).limit(query.limit).to_list()

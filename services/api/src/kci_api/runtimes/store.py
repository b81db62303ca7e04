# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runtimes in MongoDB, and the counts of their jobs."""

import time
from datetime import datetime, timedelta
from typing import Any

from pymongo.asynchronous.collection import AsyncCollection

from kci_api.nodes.documents import NodeDocument
from kci_api.runtimes.documents import RuntimeDocument
from kci_api.runtimes.rules import (
    Outcomes,
    RuntimeRead,
    is_job,
    is_online,
    outcomes,
)
from kci_api.times import now, stamp
from kci_shared.models import Kind, RuntimeReport

QUERY_MS = 15_000
CACHE_S = 30.0
"""How long counts are cached: they cost much, and everybody may request them."""


class RuntimeStore:
    """The collection of runtimes, with the counts of their jobs."""

    def __init__(self) -> None:
        self._counts: dict[int, tuple[float, dict[str, list[Outcomes]]]] = {}

    @property
    def _runtimes(self) -> AsyncCollection[dict[str, Any]]:
        return RuntimeDocument.get_pymongo_collection()

    async def report(self, name: str, report: RuntimeReport, by: str) -> None:
        """Store the report of a runtime."""
        document = {**report.model_dump(), "seen": now(), "by": by}
        await self._runtimes.replace_one({"_id": name}, document, upsert=True)

    async def remove(self, name: str) -> bool:
        """Remove a runtime; return whether it existed."""
        return (await self._runtimes.delete_one({"_id": name})).deleted_count == 1

    async def all(self, hours: int) -> list[RuntimeRead]:
        """Return all runtimes, with the jobs that were created in the last hours."""
        jobs = await self._jobs(hours)
        at = now()
        return [
            _read(document, jobs.get(document["_id"], []), at)
            async for document in self._runtimes.find().sort("_id").limit(1000)
        ]

    async def _jobs(self, hours: int) -> dict[str, list[Outcomes]]:
        until, counts = self._counts.get(hours, (0.0, {}))
        if time.monotonic() >= until:
            counts = await self._count(hours)
            self._counts[hours] = (time.monotonic() + CACHE_S, counts)
        return counts

    async def _count(self, hours: int) -> dict[str, list[Outcomes]]:
        since = now() - timedelta(hours=hours)
        nodes = NodeDocument.get_pymongo_collection()
        rows = await nodes.aggregate(
            [
                {
                    "$match": {
                        "created": {"$gte": since},
                        "kind": {"$in": [kind for kind in Kind if is_job(kind)]},
                        "data.runtime": {"$type": "string"},
                    }
                },
                {"$group": {"_id": GROUP, "count": {"$sum": 1}}},
            ],
            maxTimeMS=QUERY_MS,
        )
        return outcomes(await rows.to_list(10_000))


def _read(document: dict[str, Any], jobs: list[Outcomes], at: datetime) -> RuntimeRead:
    fields = {name: document[name] for name in RuntimeReport.model_fields}
    report = RuntimeReport(**fields)
    return RuntimeRead(
        **report.model_dump(),
        name=document["_id"],
        online=is_online(report, document["seen"], at),
        seen=stamp(document["seen"]),
        jobs=jobs,
    )


GROUP = {
    "runtime": "$data.runtime",
    "platform": "$data.platform",
    "state": "$state",
    "result": "$result",
    "error_code": "$data.error_code",
    "held": {"$ne": [{"$ifNull": ["$claim", None]}, None]},
}

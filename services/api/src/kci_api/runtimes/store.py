# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runtimes in MongoDB, and what the nodes tell of their work."""

import time
from datetime import datetime, timedelta
from typing import Any

from pymongo.asynchronous.collection import AsyncCollection

from kci_api.nodes.documents import NodeDocument
from kci_api.runtimes.documents import RuntimeDocument
from kci_api.runtimes.rules import (
    Outcomes,
    RuntimeRead,
    is_online,
    outcomes,
)
from kci_api.times import now, stamp
from kci_shared.models import RuntimeReport

QUERY_MS = 15_000
CACHE_S = 30.0
"""How long counts are told again, for to count costs much and anybody may ask."""


class RuntimeStore:
    """Which runtimes there are, and how they do."""

    def __init__(self) -> None:
        self._counts: dict[int, tuple[float, dict[str, list[Outcomes]]]] = {}

    @property
    def _runtimes(self) -> AsyncCollection[dict[str, Any]]:
        return RuntimeDocument.get_pymongo_collection()

    async def report(self, name: str, said: RuntimeReport, by: str) -> None:
        """Keep what a runtime says of itself."""
        document = {**said.model_dump(), "seen": now(), "by": by}
        await self._runtimes.replace_one({"_id": name}, document, upsert=True)

    async def remove(self, name: str) -> bool:
        """Forget a runtime; say whether it was known."""
        return (await self._runtimes.delete_one({"_id": name})).deleted_count == 1

    async def all(self, hours: int) -> list[RuntimeRead]:
        """Return all runtimes, with what they did in the last hours."""
        jobs = await self._jobs(hours)
        at = now()
        return [
            _read(known, jobs.get(known["_id"], []), at)
            async for known in self._runtimes.find().sort("_id").limit(1000)
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
                        "kind": {"$in": ["job", "kbuild", "process"]},
                        "data.runtime": {"$type": "string"},
                    }
                },
                {"$group": {"_id": GROUP, "many": {"$sum": 1}}},
            ],
            maxTimeMS=QUERY_MS,
        )
        return outcomes(await rows.to_list(10_000))


def _read(known: dict[str, Any], jobs: list[Outcomes], at: datetime) -> RuntimeRead:
    said = RuntimeReport(**{name: known[name] for name in RuntimeReport.model_fields})
    return RuntimeRead(
        **said.model_dump(),
        name=known["_id"],
        online=is_online(said, known["seen"], at),
        seen=stamp(known["seen"]),
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

# SPDX-License-Identifier: LGPL-2.1-or-later
"""Follows submissions after KCIDB accepted them: it parses them only later."""

import asyncio
import time
from collections.abc import Callable

import httpx
from prometheus_client import Counter

from kci_kcidb_bridge.answers import json_object
from kci_shared.errors import ChannelDown
from kci_shared.logging import get_logger

log = get_logger(__name__)

POLL_S = 3.0
POLL_BATCH = 50
"""How many submissions one poll asks for, the oldest first."""
GIVE_UP_S = 3600.0
"""How long to ask for a submission whose status stays undecided."""
MAX_PENDING = 10_000
"""How many submissions are followed at the same time."""

INGESTED = Counter("kci_kcidb_ingested_total", "Submissions by their end", ["status"])


class Ingestion:
    """The submissions that KCIDB accepted and may still fail to ingest."""

    def __init__(
        self, http: httpx.AsyncClient, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._http = http
        self._clock = clock
        self._added_at: dict[str, float] = {}

    def add(self, submission_id: str) -> None:
        """Follow a submission; drops the oldest if there are too many."""
        if len(self._added_at) >= MAX_PENDING:
            self._end(next(iter(self._added_at)), "unwatched")
        self._added_at[submission_id] = self._clock()

    async def run(self) -> None:
        """Poll until cancelled."""
        while True:
            await self.poll()
            await asyncio.sleep(POLL_S)

    async def poll(self) -> None:
        """Ask for the oldest submissions; log those that KCIDB could not ingest."""
        for submission_id, added_at in list(self._added_at.items())[:POLL_BATCH]:
            status = await self._status(submission_id)
            if status in ("processed", "failed", "notfound"):
                self._end(submission_id, status)
            elif self._clock() - added_at > GIVE_UP_S:
                self._end(submission_id, "silent")
            else:  # to the end of the queue
                self._added_at[submission_id] = self._added_at.pop(submission_id)

    def _end(self, submission_id: str, status: str) -> None:
        del self._added_at[submission_id]
        INGESTED.labels(status).inc()
        if status != "processed":
            log.error(
                "submission not ingested", submission_id=submission_id, status=status
            )

    async def _status(self, submission_id: str) -> str:
        try:
            answer = await self._http.get("/status", params={"id": submission_id})
        except (httpx.HTTPError, ChannelDown):
            return "unknown"
        return str(json_object(answer).get("status"))

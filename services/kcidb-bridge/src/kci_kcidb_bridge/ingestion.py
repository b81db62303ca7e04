# SPDX-License-Identifier: LGPL-2.1-or-later
"""What becomes of a submission after KCIDB took it: only later it looks inside."""

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any

import httpx
from prometheus_client import Counter

from kci_shared.logging import get_logger

log = get_logger(__name__)

POLL_S = 3.0
"""How long to wait between two looks."""
AT_ONCE = 50
"""How many submissions one look asks for, the oldest first."""
PATIENCE_S = 3600.0
"""After so long without a word a submission is given up."""
MOST = 10_000
"""How many submissions are watched."""

ENDED = Counter("kci_kcidb_ingested_total", "Submissions by their end", ["status"])


class Receipts:
    """The submissions of which nobody knows yet whether KCIDB could read them."""

    def __init__(
        self, http: httpx.AsyncClient, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._http = http
        self._clock = clock
        self._since: dict[str, float] = {}

    def add(self, name: str) -> None:
        """Watch a submission."""
        if len(self._since) >= MOST:
            self._end(next(iter(self._since)), "unwatched")
        self._since[name] = self._clock()

    async def watch(self) -> None:
        """Look after the submissions until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(POLL_S)

    async def look(self) -> None:
        """Ask for the oldest submissions; log those that KCIDB could not read."""
        for name, since in list(self._since.items())[:AT_ONCE]:
            status = await self._status(name)
            if status in ("processed", "failed", "notfound"):
                self._end(name, status)
            elif self._clock() - since > PATIENCE_S:
                self._end(name, "silent")
            else:  # at the end of the line
                self._since[name] = self._since.pop(name)

    def _end(self, name: str, status: str) -> None:
        del self._since[name]
        ENDED.labels(status).inc()
        if status != "processed":
            log.error("submission not ingested", submission_id=name, status=status)

    async def _status(self, name: str) -> str:
        try:
            answer = await self._http.get("/status", params={"id": name})
            said: Any = json.loads(answer.text)
        except (httpx.TransportError, ValueError):
            return "unknown"
        return str(said.get("status")) if isinstance(said, dict) else "unknown"

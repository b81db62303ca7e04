# SPDX-License-Identifier: LGPL-2.1-or-later
"""A lease: one process at a time does a job, until it dies."""

import os
import secrets
import socket
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import DuplicateKeyError

LEASE_S = 3.0
RETRY_S = 1.0
"""How long a process waits after another one held the lease."""


class Lease:
    """A document that names the holder, until it expires.

    It saves work, but it is no lock: a holder that was suspended may go on beside its
    successor, so what they do must be safe when done twice.
    """

    def __init__(
        self,
        leases: AsyncCollection[dict[str, Any]],
        job: str,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._leases = leases
        self._job = job
        self._clock = clock
        self._holder = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
        self._until = 0.0
        self._retry_at = 0.0

    @property
    def held(self) -> bool:
        """Whether this process held the lease at the last call of `acquire`."""
        return self._clock() < self._until

    async def acquire(self) -> bool:
        """Acquire or renew the lease; return whether this process holds it."""
        now = self._clock()
        if now < self._until - LEASE_S / 2:
            return True
        if now < self._retry_at:
            return False
        held = await self._write(now, now + LEASE_S)
        self._until = now + LEASE_S if held else 0.0
        self._retry_at = 0.0 if held else now + RETRY_S
        return held

    async def release(self) -> None:
        """Let another process acquire the lease at once."""
        if self._until:
            self._until = 0.0
            await self._write(self._clock(), 0.0)

    async def _write(self, now: float, until: float) -> bool:
        expired = {"until": {"$lt": datetime.fromtimestamp(now, UTC)}}
        try:
            await self._leases.update_one(
                {"_id": self._job, "$or": [{"holder": self._holder}, expired]},
                {
                    "$set": {
                        "holder": self._holder,
                        "until": datetime.fromtimestamp(until, UTC),
                    }
                },
                upsert=True,
            )
        except DuplicateKeyError:
            return False  # another process holds it
        return True

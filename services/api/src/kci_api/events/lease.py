# SPDX-License-Identifier: LGPL-2.1-or-later
"""One process of all does a job, for as long as it lives."""

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
REFUSED_S = 1.0
"""How long one who was refused does not ask again."""


class Lease:
    """A document that names the holder, until it lapses.

    It keeps two from doing the same work at once for nothing. It is no lock: a holder
    that slept may wake up beside its successor, and what they do must stand that.
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
        self._me = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
        self._until = 0.0
        self._ask_again = 0.0

    @property
    def held(self) -> bool:
        """Whether the lease was ours when we looked last."""
        return self._clock() < self._until

    async def hold(self) -> bool:
        """Take the lease or prolong it; say whether it is ours."""
        now = self._clock()
        if now < self._until - LEASE_S / 2:
            return True
        if now < self._ask_again:
            return False
        held = await self._write(now, now + LEASE_S)
        self._until = now + LEASE_S if held else 0.0
        self._ask_again = 0.0 if held else now + REFUSED_S
        return held

    async def give_up(self) -> None:
        """Let the next one have it at once."""
        if self._until:
            self._until = 0.0
            await self._write(self._clock(), 0.0)

    async def _write(self, now: float, until: float) -> bool:
        lapsed = {"until": {"$lt": datetime.fromtimestamp(now, UTC)}}
        try:
            await self._leases.update_one(
                {"_id": self._job, "$or": [{"holder": self._me}, lapsed]},
                {
                    "$set": {
                        "holder": self._me,
                        "until": datetime.fromtimestamp(until, UTC),
                    }
                },
                upsert=True,
            )
        except DuplicateKeyError:
            return False  # somebody else's is there
        return True

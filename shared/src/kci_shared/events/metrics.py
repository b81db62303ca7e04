# SPDX-License-Identifier: LGPL-2.1-or-later
"""Metrics of a service's events, and how far it is behind."""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from prometheus_client import Counter, Gauge
from pydantic_core import from_json
from redis.asyncio import Redis
from redis.exceptions import RedisError

from kci_shared.events.group import ConsumerGroup
from kci_shared.models import CHANNEL
from kci_shared.waiting import wait

HANDLED = Counter("kci_events_total", "Events handled, by outcome", ["outcome"])
GAPS = Counter("kci_event_gaps_total", "Gaps that were filled from the history")
RECOVERED = Counter("kci_events_recovered_total", "Events fetched from the history")
EXPIRED = Counter(
    "kci_events_expired_total", "Positions that the history did not have any more"
)
LAG = Gauge("kci_events_lag", "Events that the service has not handled yet")
LAG_SECONDS = Gauge("kci_events_lag_seconds", "Age of the oldest unhandled event")
DEAD = Gauge("kci_dead_letters", "Events that were given up")

MEASURE_EVERY_S = 5.0


class Lag:
    """Measures how far a consumer group is behind."""

    def __init__(self, redis: Redis, group: ConsumerGroup) -> None:
        self._redis = redis
        self._group = group
        self.dead = 0

    @property
    def dead_letters(self) -> str:
        """What `/ready` says of the dead letters; empty if there are none."""
        if not self.dead:
            return ""
        return f"{self.dead} events given up; see the command `dead list`"

    async def run(self, stop: asyncio.Event) -> None:
        """Measure every few seconds until `stop` is set."""
        while not stop.is_set():
            # the reader reports errors; the next measurement may succeed
            with suppress(RedisError, OSError, ValueError):
                await self.measure()
            await wait(stop, MEASURE_EVERY_S)

    async def measure(self) -> None:
        """Set the gauges."""
        name = self._group.name
        self.dead = await self._redis.xlen(self._group.dead)
        DEAD.set(self.dead)
        stream: Any = await self._redis.xinfo_stream(CHANNEL)
        groups: Any = await self._redis.xinfo_groups(CHANNEL)
        [group] = [one for one in groups if one["name"].decode() == name]
        missed = await self._redis.xlen(self._group.missed)
        gaps: Any = await self._redis.lrange(self._group.gaps, 0, -1)
        last = group["last-delivered-id"]
        unread = _position(stream["last-generated-id"]) - _position(last)
        LAG.set(unread + group["pending"] + missed + sum(map(_size, gaps)))
        LAG_SECONDS.set(await self._oldest_age(last))

    async def _oldest_age(self, last: bytes) -> float:
        pending: Any = await self._redis.xpending(CHANNEL, self._group.name)
        first = pending["min"] or b"(" + last
        entries: Any = await self._redis.xrange(CHANNEL, first, "+", count=1)
        if not entries:
            return 0.0
        try:
            time = datetime.fromisoformat(from_json(entries[0][1][b"event"])["time"])
        except (LookupError, ValueError, TypeError):
            return 0.0  # no event of ours
        return max(0.0, (datetime.now(UTC) - time).total_seconds())


def _position(entry_id: bytes) -> int:
    return int(entry_id.partition(b"-")[0])


def _size(gap: bytes) -> int:
    first, last = gap.split(b"-")
    return int(last) - int(first) + 1

# SPDX-License-Identifier: LGPL-2.1-or-later
"""Deliver events to handlers: at least once, and in order unless a handler fails.

Each service reads the Redis stream with a consumer group of its name. An event is
acknowledged when its handler has returned. An event that failed and may succeed later
stays pending and is delivered again; one that cannot succeed goes to the dead-letter
stream, for an operator to look at.
"""

import asyncio
import os
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Self, cast

from prometheus_client import Counter
from pydantic import ValidationError
from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError
from structlog.contextvars import bound_contextvars

from kci_shared.errors import KciError
from kci_shared.events.reconcile import RECONCILE_S, Reconciliation, Sweep, nothing_owed
from kci_shared.logging import get_logger
from kci_shared.models import CHANNEL, Event

log = get_logger(__name__)

Handler = Callable[[Event], Awaitable[None]]
Entry = tuple[str, dict[str, str]]
"""An entry of a Redis stream: its id and its fields."""

BLOCK_MS = 1000
"""How long a read blocks; a stop signal is seen within this time."""
TAKEOVER_MS = 10_000
"""Entries that a replica has held for longer are those of a dead replica."""
CLAIM_EVERY_S = 1.0
"""How often to claim entries of dead replicas; each look costs a round trip."""
BACKOFF_S = 0.5
"""Pause before the first retry of an event; it doubles with each retry."""
MAX_BACKOFF_S = 8.0
MAX_CRASHES = 10
"""After so many attempts an event that crashes its handler is given up."""

HANDLED = Counter("kci_events_total", "Events handled, by outcome", ["outcome"])


class EventStream:
    """The events of the API for one consumer group."""

    def __init__(self, redis: Redis, group: str, stream: str = CHANNEL) -> None:
        self._redis = redis
        self._group = group
        self._stream = stream
        self._consumer = f"{socket.gethostname()}-{os.getpid()}"
        self._due: dict[str, float] = {}
        """When to retry failed events, by the ids of their entries."""
        self._next_claim = 0.0

    @classmethod
    @asynccontextmanager
    async def connect(cls, redis_url: str, group: str) -> AsyncIterator[Self]:
        """Open the stream for a consumer group; replicas of a service share it."""
        redis = Redis.from_url(
            redis_url,
            socket_timeout=None,  # a blocking read outlasts any client timeout
            decode_responses=True,
        )
        async with redis:
            yield cls(redis, group)

    async def deliver(
        self,
        handler: Handler,
        stop: asyncio.Event,
        *,
        sweep: Sweep = nothing_owed,
        every_s: float = RECONCILE_S,
    ) -> None:
        """Call `handler` with every event until `stop` is set; finish the current one.

        What `sweep` yields is handled, too: at start, and every `every_s` seconds.
        """
        async with asyncio.TaskGroup() as tasks:
            reconciliation = Reconciliation(sweep, handler, every_s)
            tasks.create_task(reconciliation.run(stop))
            await self._read(handler, stop)

    async def _read(self, handler: Handler, stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                await self._turn(handler, stop)
            except ResponseError as error:
                # the stream was deleted, before the read or while it blocked
                if not str(error).startswith(("NOGROUP", "UNBLOCKED")):
                    raise
                await self._create_group()
            except (RedisError, OSError) as error:
                log.warning("redis away", reason=str(error))
                await asyncio.sleep(1)

    async def _create_group(self) -> None:
        # From the first event on: after a loss of Redis the API refills the stream,
        # and handlers are idempotent.
        try:
            await self._redis.xgroup_create(self._stream, self._group, "0", True)
        except ResponseError as error:
            if not str(error).startswith("BUSYGROUP"):
                raise

    async def _turn(self, handler: Handler, stop: asyncio.Event) -> None:
        entries = await self._due_retries() or await self._orphaned()
        for entry in entries or await self._new():
            if stop.is_set():
                return
            await self._handle(handler, *entry)

    async def _due_retries(self) -> list[Entry]:
        """Return the failed events whose pause is over."""
        due = [entry for entry, at in self._due.items() if at <= time.monotonic()]
        if not due:
            return []
        for entry_id in due:
            del self._due[entry_id]
        reply: Any = await self._redis.xclaim(
            self._stream, self._group, self._consumer, 0, cast("Any", due)
        )
        return _present(reply)

    async def _orphaned(self) -> list[Entry]:
        """Claim entries of a replica that died or lost its connection."""
        if time.monotonic() < self._next_claim:
            return []
        reply: Any = await self._redis.xautoclaim(
            self._stream, self._group, self._consumer, TAKEOVER_MS, count=1
        )
        entries = _present(reply[1])
        if not entries:
            self._next_claim = time.monotonic() + CLAIM_EVERY_S
        return entries

    async def _new(self) -> list[Entry]:
        # One at a time: the rest of a batch would look orphaned to other replicas.
        reply: Any = await self._redis.xreadgroup(
            self._group, self._consumer, {self._stream: ">"}, count=1, block=BLOCK_MS
        )
        return list(reply[0][1]) if reply else []

    async def _handle(
        self, handler: Handler, entry_id: str, fields: dict[str, str]
    ) -> None:
        try:
            event = Event.model_validate_json(fields["event"])
        except (KeyError, ValidationError) as error:
            await self._bury(entry_id, fields, f"not an event: {error}")
            return
        with bound_contextvars(event_id=event.id, node_id=event.node_id):
            try:
                await handler(event)
            except KciError as error:
                if error.retryable:
                    await self._retry(entry_id, error)
                else:
                    await self._bury(entry_id, fields, _reason(error))
            except Exception as error:
                log.exception("handler crashed")
                if await self._retry(entry_id, error) >= MAX_CRASHES:
                    await self._bury(entry_id, fields, _reason(error))
            else:
                HANDLED.labels("done").inc()
                await self._redis.xack(self._stream, self._group, entry_id)

    async def _retry(self, entry_id: str, error: Exception) -> int:
        """Keep an event for a retry; return how often it was delivered."""
        pending: Any = await self._redis.xpending_range(
            self._stream, self._group, entry_id, entry_id, 1
        )
        attempts = int(pending[0]["times_delivered"]) if pending else 1
        pause = min(BACKOFF_S * 2 ** min(attempts - 1, 10), MAX_BACKOFF_S)
        self._due[entry_id] = time.monotonic() + pause
        HANDLED.labels("retried").inc()
        log.info("event kept for later", reason=_reason(error), attempts=attempts)
        return attempts

    async def _bury(self, entry_id: str, fields: dict[str, str], reason: str) -> None:
        HANDLED.labels("dead").inc()
        self._due.pop(entry_id, None)
        log.error("event given up", entry_id=entry_id, reason=reason)
        async with self._redis.pipeline(transaction=True) as both:
            letter: Any = {**fields, "reason": reason, "entry_id": entry_id}
            both.xadd(f"dead:{self._group}", letter, maxlen=10_000, approximate=True)
            both.xack(self._stream, self._group, entry_id)
            await both.execute()


def _present(entries: list[Entry]) -> list[Entry]:
    """Drop trimmed entries, which Redis 6.2 returns as (None, None)."""
    return [entry for entry in entries if entry[1]]


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"

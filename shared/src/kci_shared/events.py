# SPDX-License-Identifier: LGPL-2.1-or-later
"""Events to handlers: at least once, in order as far as nothing fails.

A Redis stream and a consumer group of the service's name. An event is acknowledged
after its handler returned. What failed and may succeed later stays pending and comes
again; what cannot succeed goes to the dead-letter stream, for an operator to see.
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
from kci_shared.logging import get_logger
from kci_shared.models import CHANNEL, Event

log = get_logger(__name__)

Handler = Callable[[Event], Awaitable[None]]
Entry = tuple[str, dict[str, str]]
"""An entry of a Redis stream: its id and its fields."""

BLOCK_MS = 1000
"""How long a read waits, so that a stop signal is seen within this time."""
TAKEOVER_MS = 10_000
"""After this rest an event that another replica holds counts as left behind."""
LOOK_S = 1.0
"""How often is looked for what was left behind: to look costs as much as to read."""
BACKOFF_S = 0.5
"""The first pause before a failed event is tried again; it doubles up to the last."""
LONGEST_BACKOFF_S = 8.0
MAX_CRASHES = 10
"""After so many attempts an event on which a handler crashes is given up."""

HANDLED = Counter("kci_events_total", "Events handled, by outcome", ["outcome"])


class EventStream:
    """The events of the API as one service hears them."""

    def __init__(self, redis: Redis, group: str, stream: str = CHANNEL) -> None:
        self._redis = redis
        self._group = group
        self._stream = stream
        self._consumer = f"{socket.gethostname()}-{os.getpid()}"
        self._due: dict[str, float] = {}
        """When a failed event, by its entry's id, is to be tried again."""
        self._next_look = 0.0

    @classmethod
    @asynccontextmanager
    async def connect(cls, redis_url: str, group: str) -> AsyncIterator[Self]:
        """Open the stream for a consumer group; replicas share one group's work."""
        redis = Redis.from_url(
            redis_url,
            socket_timeout=None,  # a blocking read outlasts any client timeout
            decode_responses=True,
        )
        async with redis:
            yield cls(redis, group)

    async def deliver(self, handler: Handler, stop: asyncio.Event) -> None:
        """Hand every event to `handler` until `stop` is set; finish the one in hand."""
        while not stop.is_set():
            try:
                await self._turn(handler, stop)
            except ResponseError as error:
                # the stream was lost, now or while the read waited for it
                if not str(error).startswith(("NOGROUP", "UNBLOCKED")):
                    raise
                await self._create_group()
            except (RedisError, OSError) as error:
                log.warning("redis away", reason=str(error))
                await asyncio.sleep(1)

    async def _create_group(self) -> None:
        # From the very first event on: after a loss of Redis the API refills the
        # stream, and handlers don't mind an event that they have seen.
        try:
            await self._redis.xgroup_create(self._stream, self._group, "0", True)
        except ResponseError as error:
            if not str(error).startswith("BUSYGROUP"):
                raise

    async def _turn(self, handler: Handler, stop: asyncio.Event) -> None:
        entries = await self._failed_before() or await self._left_behind()
        for entry in entries or await self._fresh():
            if stop.is_set():
                return
            await self._handle(handler, *entry)

    async def _failed_before(self) -> list[Entry]:
        """Take up again what failed here, once its pause is over."""
        due = [entry for entry, at in self._due.items() if at <= time.monotonic()]
        if not due:
            return []
        for entry_id in due:
            del self._due[entry_id]
        reply: Any = await self._redis.xclaim(
            self._stream, self._group, self._consumer, 0, cast("Any", due)
        )
        return _present(reply)

    async def _left_behind(self) -> list[Entry]:
        """Take over what a replica that died, or lost its Redis, had in hand."""
        if time.monotonic() < self._next_look:
            return []
        reply: Any = await self._redis.xautoclaim(
            self._stream, self._group, self._consumer, TAKEOVER_MS, count=1
        )
        entries = _present(reply[1])
        if not entries:
            self._next_look = time.monotonic() + LOOK_S
        return entries

    async def _fresh(self) -> list[Entry]:
        # One at a time: what waits in a batch looks left behind to a replica.
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
        """Keep an event for later; return how often it was tried."""
        pending: Any = await self._redis.xpending_range(
            self._stream, self._group, entry_id, entry_id, 1
        )
        attempts = int(pending[0]["times_delivered"]) if pending else 1
        pause = min(BACKOFF_S * 2 ** min(attempts - 1, 10), LONGEST_BACKOFF_S)
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
    """Leave out entries that were trimmed: Redis 6.2 gives (None, None) for them."""
    return [entry for entry in entries if entry[1]]


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"

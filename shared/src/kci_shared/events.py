# SPDX-License-Identifier: LGPL-2.1-or-later
"""Events to handlers: at least once, in order as far as nothing fails.

A Redis stream and a consumer group of the service's name. An event is acknowledged
after its handler returned. What failed and may succeed later stays pending and comes
again; what cannot succeed goes to the dead-letter stream, for an operator to see.
"""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Self

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

BATCH = 16
BLOCK_MS = 1000
"""How long a read waits, so that a stop signal is seen within this time."""
RETRY_MS = 2000
"""How long a failed event, or one of a dead consumer, rests before it comes again."""
MAX_DELIVERIES = 20
"""After so many attempts an event is given up: to the dead letters."""

HANDLED = Counter("kci_events_total", "Events handled, by outcome", ["outcome"])


class EventStream:
    """The events of the API as one service hears them."""

    def __init__(self, redis: Redis, group: str, stream: str = CHANNEL) -> None:
        self._redis = redis
        self._group = group
        self._stream = stream
        self._consumer = f"{socket.gethostname()}-{os.getpid()}"

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
                if "NOGROUP" not in str(error):
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
            if "BUSYGROUP" not in str(error):
                raise

    async def _turn(self, handler: Handler, stop: asyncio.Event) -> None:
        for entry in await self._left_behind() or await self._fresh():
            if stop.is_set():
                return
            await self._handle(handler, *entry)

    async def _left_behind(self) -> list[tuple[str, dict[str, str]]]:
        """Take over what failed, or what a dead replica left, once it has rested."""
        reply: Any = await self._redis.xautoclaim(
            self._stream, self._group, self._consumer, RETRY_MS, count=BATCH
        )
        # Redis 6.2 yields (None, None) for entries that were trimmed meanwhile
        return [entry for entry in reply[1] if entry[1]]

    async def _fresh(self) -> list[tuple[str, dict[str, str]]]:
        reply: Any = await self._redis.xreadgroup(
            self._group,
            self._consumer,
            {self._stream: ">"},
            count=BATCH,
            block=BLOCK_MS,
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
                await self._failed(entry_id, fields, error, error.retryable)
            except Exception as error:
                log.exception("handler failed")
                await self._failed(entry_id, fields, error, retryable=True)
            else:
                HANDLED.labels("done").inc()
                await self._redis.xack(self._stream, self._group, entry_id)

    async def _failed(
        self, entry_id: str, fields: dict[str, str], error: Exception, retryable: bool
    ) -> None:
        reason = f"{type(error).__name__}: {error}"
        if retryable and await self._deliveries(entry_id) < MAX_DELIVERIES:
            HANDLED.labels("retried").inc()
            log.info("event kept for later", reason=reason)
            return
        await self._bury(entry_id, fields, reason)

    async def _deliveries(self, entry_id: str) -> int:
        pending: Any = await self._redis.xpending_range(
            self._stream, self._group, entry_id, entry_id, 1
        )
        return int(pending[0]["times_delivered"]) if pending else 0

    async def _bury(self, entry_id: str, fields: dict[str, str], reason: str) -> None:
        HANDLED.labels("dead").inc()
        log.error("event given up", entry_id=entry_id, reason=reason)
        async with self._redis.pipeline(transaction=True) as both:
            letter: Any = {**fields, "reason": reason, "entry_id": entry_id}
            both.xadd(f"dead:{self._group}", letter, maxlen=10_000, approximate=True)
            both.xack(self._stream, self._group, entry_id)
            await both.execute()

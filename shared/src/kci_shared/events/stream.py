# SPDX-License-Identifier: LGPL-2.1-or-later
"""Deliver events to handlers: at least once, and in order unless a handler fails.

Each service reads the Redis stream with a consumer group of its name. Events of
different trees are handled side by side, those of one tree in order. An event is
acknowledged when its handler has returned. An event that failed and may succeed later
stays pending and is delivered again; one that cannot succeed goes to the dead-letter
stream, for an operator to look at. Events that the stream has lost come from the
history of the API; work without an event in the history is found by a sweep.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Self

from redis.asyncio import Redis

from kci_shared.channels import About, Channel
from kci_shared.events.connection import open_redis
from kci_shared.events.deliveries import Deliveries
from kci_shared.events.gaps import Filler, History
from kci_shared.events.group import ConsumerGroup
from kci_shared.events.handling import Handler, Handling
from kci_shared.events.lanes import Lanes
from kci_shared.events.metrics import Lag
from kci_shared.events.reader import Reader
from kci_shared.events.reconcile import Reconciliation, Sweep
from kci_shared.health import add_ready_detail
from kci_shared.settings import ServiceSettings

REDIS = About("redis", url="KCI_REDIS_URL", credentials="KCI_REDIS_URL")


class EventStream:
    """The events of the API for one consumer group."""

    def __init__(
        self, redis: Redis, history: History, group: str, settings: ServiceSettings
    ) -> None:
        self._redis = redis
        self._history = history
        self._group = group
        self._settings = settings
        self._channel = Channel(REDIS, self._ping)

    @classmethod
    @asynccontextmanager
    async def connect(
        cls, settings: ServiceSettings, history: History, group: str
    ) -> AsyncIterator[Self]:
        """Open the stream for a consumer group; replicas of a service share it.

        `history` has the events that the stream has lost: it is the `ApiClient`.
        """
        async with open_redis(settings.redis_url) as redis:
            events = cls(redis, history, group, settings)
            async with events._channel.opened():
                yield events

    async def _ping(self) -> None:
        await self._redis.ping()

    async def deliver(
        self, handler: Handler, stop: asyncio.Event, *, sweep: Sweep
    ) -> None:
        """Call `handler` with each event until `stop` is set.

        What `sweep` yields is handled, too: at start, every few minutes, and when
        events were lost. When stopped, return as soon as running handlers have.
        """
        group = ConsumerGroup(self._redis, self._group)
        deliveries, lag = Deliveries(group), Lag(self._redis, group)
        lanes = Lanes(self._settings.trees_at_once, stop)
        sweeping = Reconciliation(
            sweep, handler, lanes.do, self._settings.reconcile_every
        )
        reader = Reader(
            group,
            deliveries,
            Handling(handler, deliveries, group),
            lanes,
            Filler(self._history, group),
            sweeping,
            self._channel,
        )
        add_ready_detail("dead_letters", lambda: lag.dead_letters)
        async with asyncio.TaskGroup() as tasks:
            beside = [
                tasks.create_task(deliveries.acknowledge()),
                tasks.create_task(deliveries.keep(stop)),
                tasks.create_task(lag.run(stop)),
                tasks.create_task(sweeping.run(stop)),
            ]
            working = tasks.create_task(lanes.run())
            await reader.run(stop)
            lanes.close()
            await working
            for task in beside:
                task.cancel()
        await deliveries.close()

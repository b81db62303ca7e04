# SPDX-License-Identifier: LGPL-2.1-or-later
"""The relay moves events from nodes to the history, and from there to the stream.

One process does it at a time. Each step starts from what the stores contain and is safe
when done twice, so a relay may be killed anywhere: the next one resumes there.
"""

import asyncio
import time

from prometheus_client import Counter
from pymongo.errors import PyMongoError
from redis.exceptions import RedisError

from kci_api.events.bell import Bell
from kci_api.events.lease import Lease
from kci_api.events.store import EventStore, PendingEvents
from kci_api.events.stream import NodeStream
from kci_shared.logging import get_logger
from kci_shared.waiting import wait

log = get_logger(__name__)

BATCH = 500
KEPT_ENTRIES = 200_000
"""About how many of the latest events the stream has; the history has more."""
POLL_S = 1.0
"""How long an event waits if the bell did not ring."""
MAX_REST_S = 0.05
PRUNE_S = 3600.0

RELAYED = Counter("kci_events_relayed_total", "Events put into the stream")


class Relay:
    """Moves pending events from the nodes to the listeners."""

    def __init__(
        self,
        pending: PendingEvents,
        history: EventStore,
        stream: NodeStream,
        lease: Lease,
        kept: int = KEPT_ENTRIES,
    ) -> None:
        self._pending = pending
        self._history = history
        self._stream = stream
        self._lease = lease
        self._kept = kept
        self._floor: int | None = None

    async def run(self, bell: Bell, stop: asyncio.Event) -> None:
        """Move events until `stop` is set: when the bell rings, and each second."""
        while not stop.is_set():
            start = time.monotonic()
            if not await self._try_turn():
                # one turn for many events costs less than one for each
                await asyncio.sleep(min(time.monotonic() - start, MAX_REST_S))
                await bell.wait(POLL_S)
        await self._lease.release()

    async def forward_rings(self, bell: Bell, stop: asyncio.Event) -> None:
        """Ring the bell when another process wrote events, until `stop` is set."""
        while not stop.is_set():
            try:
                async for _ in self._stream.rings(stop):
                    if self._lease.held:
                        bell.ring()
            except (RedisError, OSError):
                await asyncio.sleep(POLL_S)  # meanwhile `run` polls

    async def keep_pruned(self, days: float, stop: asyncio.Event) -> None:
        """Delete old events, once an hour until `stop` is set."""
        while not stop.is_set():
            pause_s = PRUNE_S
            try:
                await self._history.prune(days)
            except PyMongoError as error:
                log.warning("events not pruned", reason=str(error))
                pause_s = POLL_S
            await wait(stop, pause_s)

    async def _try_turn(self) -> bool:
        try:
            return await self.turn()
        except (PyMongoError, RedisError, OSError) as error:
            log.warning("relay held up", reason=f"{type(error).__name__}: {error}")
        except Exception:
            log.exception("relay failed")
        await asyncio.sleep(POLL_S)
        return False

    async def turn(self) -> bool:
        """Move one batch; return whether there may be more."""
        if not await self._lease.acquire():
            await self._stream.ring()
            return False
        if self._floor is None:
            await self._drop_foreign_stream()
            # after a stream that outlived its database, positions go on
            self._floor = await self._stream.last()
        events = await self._pending.oldest(BATCH)
        await self._history.append([one.event for one in events], self._floor)
        try:
            more = await self._publish()
        finally:  # also without Redis, else `oldest` returns the same ones again
            await self._pending.remove(events)
        return more or len(events) >= BATCH

    async def _publish(self) -> bool:
        """Add to the stream what follows its end; refill a stream that was lost."""
        last = await self._stream.last()
        start = last or (await self._history.head()).sequence - self._kept
        entries = await self._history.after(start, BATCH)
        if not entries:
            return (
                last > (await self._history.head()).sequence
                and await self._drop_foreign_stream()
            )
        RELAYED.inc(await self._stream.extend(last, entries, self._kept))
        return len(entries) >= BATCH

    async def _drop_foreign_stream(self) -> bool:
        """Drop the stream if its last entry is not ours; return whether it was so."""
        foreign = await self._stream.drop_if_foreign()
        if foreign:
            log.error("a stream with foreign entries is dropped, and filled again")
        return foreign

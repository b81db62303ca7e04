# SPDX-License-Identifier: LGPL-2.1-or-later
"""Events on their way: node -> history -> stream, by one process at a time.

Every step may be done twice, and each starts from what the stores hold, so a relay may
be killed anywhere: the next one goes on from there.
"""

import asyncio
import time

from prometheus_client import Counter
from pymongo.errors import PyMongoError
from redis.exceptions import RedisError

from kci_api.events.bell import Outbox
from kci_api.events.lease import Lease
from kci_api.events.store import EventStore, PendingEvents
from kci_api.events.stream import KEPT, NodeStream
from kci_shared.logging import get_logger

log = get_logger(__name__)

BATCH = 500
POLL_S = 1.0
"""How long an event may wait when nobody could wake us."""
MAX_REST_S = 0.05
PRUNE_S = 3600.0

RELAYED = Counter("kci_events_relayed_total", "Events put into the stream")


class Relay:
    """Moves what waits in the nodes to where the listeners are."""

    def __init__(
        self,
        waiting: PendingEvents,
        history: EventStore,
        stream: NodeStream,
        lease: Lease,
    ) -> None:
        self._waiting = waiting
        self._history = history
        self._stream = stream
        self._lease = lease
        self._floor: int | None = None

    async def run(self, outbox: Outbox, stop: asyncio.Event) -> None:
        """Take turns until `stop` is set: when woken, and each second."""
        while not stop.is_set():
            begin = time.monotonic()
            if not await self._try_turn():
                # one turn for many events is cheaper than a turn for each
                await asyncio.sleep(min(time.monotonic() - begin, MAX_REST_S))
                await outbox.waiting(POLL_S)
        await self._lease.give_up()

    async def heed(self, outbox: Outbox, stop: asyncio.Event) -> None:
        """Wake up when another process wrote events, until `stop` is set."""
        while not stop.is_set():
            try:
                async for _ in self._stream.rung(stop):
                    if self._lease.held:
                        outbox.wake()
            except (RedisError, OSError):
                await asyncio.sleep(POLL_S)  # each second it looks by itself

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
        """Move one batch; say whether there may be more."""
        if not await self._lease.hold():
            await self._stream.ring()
            return False
        if self._floor is None:
            await self._mend()
            # a stream that outlived its database takes no place a second time
            self._floor = await self._stream.last()
        events = await self._waiting.oldest(BATCH)
        await self._history.append([one.event for one in events], self._floor)
        try:
            more = await self._tell()
        finally:  # without Redis, too, else the oldest would be all that we ever see
            await self._waiting.remove(events)
        return more or len(events) >= BATCH

    async def _tell(self) -> bool:
        """History -> stream, from where the stream ends; a lost one is filled again."""
        last = await self._stream.last()
        start = last or (await self._history.head()).sequence - KEPT
        entries = await self._history.after(start, BATCH)
        if not entries:
            return last > (await self._history.head()).sequence and await self._mend()
        RELAYED.inc(await self._stream.extend(last, entries))
        return len(entries) >= BATCH

    async def _mend(self) -> bool:
        """Drop a stream that somebody else wrote into; say whether it was so."""
        foreign = await self._stream.drop_if_foreign()
        if foreign:
            log.error("a stream with foreign entries is dropped, and filled again")
        return foreign


async def keep_pruned(history: EventStore, days: float, stop: asyncio.Event) -> None:
    """Forget old events, once an hour until `stop` is set."""
    while not stop.is_set():
        try:
            await history.prune(days)
            async with asyncio.timeout(PRUNE_S):
                await stop.wait()
        except TimeoutError:
            continue
        except PyMongoError as error:
            log.warning("events not pruned", reason=str(error))
            await asyncio.sleep(POLL_S)

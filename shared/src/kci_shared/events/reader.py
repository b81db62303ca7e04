# SPDX-License-Identifier: LGPL-2.1-or-later
"""Read a consumer group's events, as many as this process can handle at once."""

import asyncio
import time
from functools import partial

from redis.exceptions import (
    AuthenticationError,
    AuthorizationError,
    RedisError,
    ResponseError,
)

from kci_shared.channels import Channel, Sighting, all_up
from kci_shared.channels.sightings import of_error
from kci_shared.errors import KciError
from kci_shared.events.deliveries import PAUSE_S, Deliveries
from kci_shared.events.gaps import Filler
from kci_shared.events.group import ConsumerGroup, Delivery
from kci_shared.events.handling import Handling
from kci_shared.events.lanes import Lanes
from kci_shared.events.pace import BATCH, Pace
from kci_shared.events.reconcile import Reconciliation
from kci_shared.logging import get_logger
from kci_shared.waiting import wait

log = get_logger(__name__)

BRIEF_S = 0.1
"""After a fault of Redis: where nobody probes the channel, it is read again."""
OWN = 1000
"""More entries than this process has at once."""
LOST = ("NOGROUP", "UNBLOCKED")
"""What Redis says when a stream or a group does not exist any more."""
BLOCK_S = 1.0
"""How long a read waits; a stop signal is seen within this time."""
CLAIM_EVERY_S = 1.0
"""How often to claim entries of dead replicas; each look costs a round trip."""


class Reader:
    """Puts the events of a group into lanes: those of one tree into the same."""

    def __init__(
        self,
        group: ConsumerGroup,
        deliveries: Deliveries,
        handling: Handling,
        lanes: Lanes,
        filler: Filler,
        reconciliation: Reconciliation,
        channel: Channel,
    ) -> None:
        self._group = group
        self._deliveries = deliveries
        self._handling = handling
        self._lanes = lanes
        self._filler = filler
        self._reconciliation = reconciliation
        self._channel = channel
        self._pace = Pace(lanes)
        self._next_claim = 0.0
        self._was_cut_off = False
        """Whether Redis may have delivered entries that did not arrive here."""

    async def run(self, stop: asyncio.Event) -> None:
        """Read until `stop` is set, while all channels of the process are up."""
        while not stop.is_set():
            await all_up(stop)
            try:
                if await self._room():
                    await self._turn()
            except ResponseError as error:
                # the stream was deleted, before the read or while it blocked
                # (an older Redis puts the place in the script before the error)
                if not any(word in str(error) for word in LOST):
                    raise
                await self._create_group(stop)
            except (RedisError, OSError) as error:
                self._was_cut_off = True
                self._channel.fault(_sighting(error), f"redis away: {error}")
                await wait(stop, BRIEF_S)
            except KciError as error:
                log.warning("gap not filled yet", reason=str(error))
                await wait(stop, PAUSE_S)

    async def _create_group(self, stop: asyncio.Event) -> None:
        try:
            await self._group.create()
        except (RedisError, OSError) as error:
            self._channel.fault(_sighting(error), f"redis away: {error}")
            await wait(stop, BRIEF_S)

    async def _room(self) -> bool:
        """Wait for room for more events, but not for long; return whether there is."""
        self._lanes.progress.clear()
        if self._lanes.size < self._pace.allowance():
            return True
        await wait(self._lanes.progress, BLOCK_S)
        return False

    async def _turn(self) -> None:
        for delivery in await self._again():
            await self._accept(delivery)
        page = await self._group.read(self._pace.allowance())
        for delivery in page.deliveries:
            await self._accept(delivery)
        self._pace.begin()
        if page.gap:
            if await self._filler.fill(page.gap):
                self._reconciliation.request()
        elif not page.deliveries:
            block_s = min(BLOCK_S, max(self._deliveries.next_due_s, 0.001))
            await self._group.wait(page.last, int(block_s * 1000) or 1)

    async def _again(self) -> list[Delivery]:
        """Return what is to be retried now, and what dead replicas left behind."""
        again: list[Delivery] = []
        if self._was_cut_off:
            keys = self._deliveries.unknown(await self._group.own(OWN))
            again += await self._group.take_again(keys)
            self._was_cut_off = False
        if due := self._deliveries.due(BATCH):
            again += await self._group.take_again(due)
        if time.monotonic() >= self._next_claim:
            keys = self._deliveries.unknown(await self._group.left_behind(BATCH))
            again += await self._group.take_over(keys)
            if not keys:
                self._next_claim = time.monotonic() + CLAIM_EVERY_S
        return again

    async def _accept(self, delivery: Delivery) -> None:
        if not self._deliveries.add(delivery.key):
            return
        if event := await self._handling.parse(delivery):
            work = partial(self._handling.handle, delivery, event)
            self._lanes.add(event.data.treeid or event.node_id, work)


def _sighting(error: Exception) -> Sighting:
    if isinstance(error, AuthenticationError | AuthorizationError):
        return Sighting.UNAUTHORIZED
    return of_error(error)

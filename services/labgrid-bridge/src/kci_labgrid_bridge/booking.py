# SPDX-License-Identifier: LGPL-2.1-or-later
"""Books a place for one job: reserves it by tags, acquires it, and releases it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from kci_labgrid_bridge.coordinator import Coordinator
from kci_labgrid_bridge.resting import Resting
from kci_labgrid_bridge.rules import Tags, reservation
from kci_shared.lab import LabError
from kci_shared.logging import get_logger

log = get_logger(__name__)


@dataclass(frozen=True)
class Booking:
    """A place that we hold."""

    place: str
    owner: str
    coordinator: Coordinator

    @property
    def is_ours(self) -> bool:
        """Whether we still hold the place."""
        return self.coordinator.is_ours(self.place)

    async def lost(self) -> str:
        """Wait until we no longer hold the place; return why."""
        return await self.coordinator.lost(self.place)


@asynccontextmanager
async def booked(
    address: str, owner: str, tags: Tags, resting: Resting, lock: asyncio.Lock
) -> AsyncIterator[Booking]:
    """Wait for a place with these tags, and hold it while the context is open.

    Jobs choose a place under `lock`: otherwise several could choose the same one.
    """
    async with AsyncExitStack() as stack:
        async with lock:
            connection = Coordinator.connect(address, owner)
            coordinator = await stack.enter_async_context(connection)
            places = resting.mark(coordinator.places())
            token = await coordinator.reserve(reservation(places, tags))
        place = None
        try:
            place = await coordinator.allocated(token)
            await coordinator.acquire(place)
            yield Booking(place, owner, coordinator)
        finally:
            await give_back(coordinator, owner, token, place)


async def give_back(
    coordinator: Coordinator, owner: str, token: str | None, place: str | None
) -> None:
    """Cancel a reservation, then release its place, which is then free for others."""
    try:
        if token is not None:
            await coordinator.cancel(token)
    except LabError as error:  # it may have expired: the place matters more
        log.info("reservation not cancelled", owner=owner, reason=str(error))
    try:
        if place is not None:
            await coordinator.release(place, owner)
    except LabError as error:
        log.warning("place not released", place=place, reason=str(error))

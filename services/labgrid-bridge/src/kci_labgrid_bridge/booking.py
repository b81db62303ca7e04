# SPDX-License-Identifier: LGPL-2.1-or-later
"""A place for one job: reserved by tags, acquired, and given back whatever happens."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from kci_labgrid_bridge.coordinator import Coordinator
from kci_labgrid_bridge.rest import Rest
from kci_labgrid_bridge.rules import Tags, reservation
from kci_shared.lab import LabError
from kci_shared.logging import get_logger

log = get_logger(__name__)


@dataclass(frozen=True)
class Booking:
    """A place that is ours."""

    place: str
    owner: str
    coordinator: Coordinator

    @property
    def is_ours(self) -> bool:
        """Whether nobody has taken the place away."""
        return self.coordinator.is_ours(self.place)

    async def lost(self) -> str:
        """Wait until the place is no longer ours; return why."""
        return await self.coordinator.lost(self.place)


@asynccontextmanager
async def booked(
    address: str, owner: str, tags: Tags, rest: Rest, turn: asyncio.Lock
) -> AsyncIterator[Booking]:
    """Hold a place with these tags as long as the block lasts; queue for it first.

    Jobs look and ask by `turn`: else those that come together ask for the same place.
    """
    async with AsyncExitStack() as life:
        async with turn:
            connection = Coordinator.connect(address, owner)
            coordinator = await life.enter_async_context(connection)
            places = rest.mark(coordinator.places())
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
    """Cancel a reservation, then release its place: so the next job gets it at once."""
    try:
        if token is not None:
            await coordinator.cancel(token)
    except LabError as error:  # it may be gone: the place is what matters
        log.info("reservation not cancelled", owner=owner, reason=str(error))
    try:
        if place is not None:
            await coordinator.release(place, owner)
    except LabError as error:
        log.warning("place not released", place=place, reason=str(error))

# SPDX-License-Identifier: LGPL-2.1-or-later
"""The tasks that move events to the listeners, beside the requests of a process."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from kci_api.events.bell import Bell
from kci_api.events.broadcast import Broadcast
from kci_api.events.relay import Relay


@asynccontextmanager
async def relaying(
    relay: Relay, bell: Bell, broadcasts: Sequence[Broadcast], kept_days: float
) -> AsyncIterator[None]:
    """Relay, broadcast and prune events as long as the block lasts."""
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(relay.run(bell, stop))
        tasks.create_task(relay.forward_rings(bell, stop))
        tasks.create_task(relay.keep_pruned(kept_days, stop))
        for broadcast in broadcasts:
            tasks.create_task(broadcast.run(stop))
        try:
            yield
        finally:
            stop.set()
            bell.ring()

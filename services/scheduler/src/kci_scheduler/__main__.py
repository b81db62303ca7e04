# SPDX-License-Identifier: LGPL-2.1-or-later
"""Run the scheduler: ``kci-scheduler``."""

import asyncio

from kci_scheduler.closing import Closing
from kci_scheduler.scheduler import Scheduler
from kci_scheduler.settings import Settings
from kci_scheduler.sweep import Sweeper
from kci_shared.client import ApiClient
from kci_shared.config import load
from kci_shared.events import EventStream
from kci_shared.service import run


async def main(settings: Settings, stop: asyncio.Event) -> None:
    """Plans the jobs that follow from a node, and ends what is overdue."""
    config = load(settings.config)
    async with (
        ApiClient.connect(settings) as api,
        EventStream.connect(settings.redis_url, group="scheduler") as events,
        asyncio.TaskGroup() as both,
    ):
        closing = Closing(api)
        scheduler = Scheduler(config, api, closing)
        sweeper = Sweeper(api, closing)
        both.create_task(events.deliver(scheduler.on_event, stop))
        both.create_task(sweeper.run(settings.sweep_every, stop))


def start() -> None:
    """Start the service."""
    run(main, Settings)


if __name__ == "__main__":
    start()

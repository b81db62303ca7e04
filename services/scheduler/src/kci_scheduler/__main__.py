# SPDX-License-Identifier: LGPL-2.1-or-later
"""Run the scheduler: ``kci-scheduler``."""

import asyncio

from kci_scheduler.closing import Closing
from kci_scheduler.overdue import OverdueNodes
from kci_scheduler.scheduler import Scheduler
from kci_scheduler.settings import Settings
from kci_scheduler.unplanned import Unplanned
from kci_shared.client import ApiClient
from kci_shared.config.watch import WatchedConfig
from kci_shared.events import EventStream
from kci_shared.health import add_ready_detail
from kci_shared.service import run_consumer

GROUP = "scheduler"
"""Its consumer group."""


async def main(settings: Settings, stop: asyncio.Event) -> None:
    """Plans the jobs that follow from a node, and ends what is overdue."""
    config = WatchedConfig(settings.config)
    add_ready_detail("config", lambda: config.problem)
    async with (
        ApiClient.connect(settings) as api,
        EventStream.connect(settings, api, GROUP) as events,
        asyncio.TaskGroup() as tasks,
    ):
        closing = Closing(api)
        scheduler = Scheduler(config.get, api, closing)
        overdue = OverdueNodes(api, closing)
        unplanned = Unplanned(config.get, api, closing)
        tasks.create_task(
            events.deliver(scheduler.on_event, stop, sweep=unplanned.nodes)
        )
        tasks.create_task(overdue.run(settings.sweep_every, stop))
        tasks.create_task(config.watch(settings.config_every, stop))


def start() -> None:
    """Start the service."""
    run_consumer(main, Settings, GROUP)


if __name__ == "__main__":
    start()

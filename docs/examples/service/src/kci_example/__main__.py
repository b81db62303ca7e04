# SPDX-License-Identifier: LGPL-2.1-or-later
"""Run the service."""

import asyncio

from kci_example.counter import TestCounter
from kci_example.settings import Settings
from kci_shared.client import ApiClient
from kci_shared.events import EventStream
from kci_shared.service import run_consumer

GROUP = "example"
"""Its consumer group."""


async def main(settings: Settings, stop: asyncio.Event) -> None:
    """Note on each job how its tests ended."""
    async with (
        ApiClient.connect(settings) as api,
        EventStream.connect(settings, api, GROUP) as events,
    ):
        counter = TestCounter(api)
        await events.deliver(counter.on_event, stop, sweep=counter.uncounted)


def start() -> None:
    """Start the service."""
    run_consumer(main, Settings, GROUP)


if __name__ == "__main__":
    start()

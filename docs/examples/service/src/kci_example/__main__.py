# SPDX-License-Identifier: LGPL-2.1-or-later
"""Run the service."""

import asyncio

from kci_example.counter import TestCounter
from kci_example.settings import Settings
from kci_shared.client import ApiClient
from kci_shared.events import EventStream
from kci_shared.service import run


async def main(settings: Settings, stop: asyncio.Event) -> None:
    """Note on each job how its tests ended."""
    async with (
        ApiClient.connect(settings) as api,
        EventStream.connect(settings.redis_url, group="example") as events,
    ):
        await events.deliver(TestCounter(api).on_event, stop)


def start() -> None:
    """Start the service."""
    run(main, Settings)


if __name__ == "__main__":
    start()

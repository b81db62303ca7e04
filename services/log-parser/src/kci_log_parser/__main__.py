# SPDX-License-Identifier: LGPL-2.1-or-later
"""Run the log parser."""

import asyncio

from kci_log_parser.parser import LogParser
from kci_log_parser.settings import Settings
from kci_shared.client import ApiClient
from kci_shared.events import EventStream
from kci_shared.service import run_consumer
from kci_shared.storage import Storage

GROUP = "log-parser"
"""Its consumer group."""


async def main(settings: Settings, stop: asyncio.Event) -> None:
    """Find kernel faults in the log of every build and job that is done."""
    async with (
        ApiClient.connect(settings) as api,
        Storage.connect(settings) as storage,
        EventStream.connect(settings, api, GROUP) as events,
    ):
        parser = LogParser(api, storage, settings.max_log_bytes)
        await events.deliver(parser.on_event, stop, sweep=parser.unread)


def start() -> None:
    """Start the service."""
    run_consumer(main, Settings, GROUP)


if __name__ == "__main__":
    start()

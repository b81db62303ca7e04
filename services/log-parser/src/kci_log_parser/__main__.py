# SPDX-License-Identifier: LGPL-2.1-or-later
"""Run the log parser."""

import asyncio

from kci_log_parser.parser import LogParser
from kci_log_parser.settings import Settings
from kci_shared.client import ApiClient
from kci_shared.events import EventStream
from kci_shared.service import run
from kci_shared.storage import Storage


async def main(settings: Settings, stop: asyncio.Event) -> None:
    """Find kernel faults in the log of every build and job that is done."""
    async with (
        ApiClient.connect(settings) as api,
        Storage.connect(settings) as storage,
        EventStream.connect(settings, api, group="log-parser") as events,
    ):
        parser = LogParser(api, storage, settings.max_log_bytes)
        await events.deliver(parser.on_event, stop)


def start() -> None:
    """Start the service."""
    run(main, Settings)


if __name__ == "__main__":
    start()

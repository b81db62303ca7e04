# SPDX-License-Identifier: LGPL-2.1-or-later
"""Run the KCIDB bridge: `python -m kci_kcidb_bridge`."""

import asyncio
from functools import partial

from kci_kcidb_bridge.bridge import KcidbBridge
from kci_kcidb_bridge.connection import connect
from kci_kcidb_bridge.ingestion import Ingestion
from kci_kcidb_bridge.settings import Settings
from kci_kcidb_bridge.submit import Submitter
from kci_kcidb_bridge.unsubmitted import unsubmitted
from kci_shared.client import ApiClient
from kci_shared.events import EventStream
from kci_shared.service import run_consumer

GROUP = "kcidb-bridge"
"""Its consumer group."""


async def main(settings: Settings, stop: asyncio.Event) -> None:
    """Submit final checkouts, builds and tests to KCIDB, with their faults."""
    async with (
        ApiClient.connect(settings) as api,
        EventStream.connect(settings, api, GROUP) as events,
        connect(settings) as kcidb,
        asyncio.TaskGroup() as tasks,
    ):
        ingestion = Ingestion(kcidb)
        polling = tasks.create_task(ingestion.run())
        bridge = KcidbBridge(api, Submitter(kcidb, ingestion), settings.origin)
        await events.deliver(bridge.on_event, stop, sweep=partial(unsubmitted, api))
        polling.cancel()


def start() -> None:
    """Run until a signal stops it."""
    run_consumer(main, Settings, GROUP)


if __name__ == "__main__":
    start()

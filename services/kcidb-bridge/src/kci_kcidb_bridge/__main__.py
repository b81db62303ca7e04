# SPDX-License-Identifier: LGPL-2.1-or-later
"""Run the KCIDB bridge: `python -m kci_kcidb_bridge`."""

import asyncio

import httpx

from kci_kcidb_bridge.bridge import KcidbBridge
from kci_kcidb_bridge.ingestion import Receipts
from kci_kcidb_bridge.settings import Settings
from kci_kcidb_bridge.submit import Submitter
from kci_shared.client import ApiClient
from kci_shared.events import EventStream
from kci_shared.service import run


async def main(settings: Settings, stop: asyncio.Event) -> None:
    """Submit what is final to KCIDB: checkouts, builds, tests, and their faults."""
    async with (
        ApiClient.connect(settings) as api,
        EventStream.connect(settings.redis_url, "kcidb-bridge") as events,
        httpx.AsyncClient(
            base_url=settings.kcidb_url,
            headers={"Authorization": f"Bearer {settings.read_kcidb_token()}"},
            timeout=60,
        ) as kcidb,
        asyncio.TaskGroup() as tasks,
    ):
        receipts = Receipts(kcidb)
        watching = tasks.create_task(receipts.watch())
        bridge = KcidbBridge(api, Submitter(kcidb, receipts), settings.origin)
        await events.deliver(bridge.on_event, stop)
        watching.cancel()


def start() -> None:
    """Run until a signal stops it."""
    run(main, Settings)


if __name__ == "__main__":
    start()

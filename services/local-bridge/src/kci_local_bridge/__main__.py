# SPDX-License-Identifier: LGPL-2.1-or-later
"""Run the local bridge: `python -m kci_local_bridge`."""

import asyncio

from kci_local_bridge.dialect import LocalLab
from kci_local_bridge.settings import Settings
from kci_shared.client import ApiClient
from kci_shared.lab.check import checker, opened
from kci_shared.service import run
from kci_shared.storage import Storage
from kci_shared.work import Bridge


async def main(settings: Settings, stop: asyncio.Event) -> None:
    """Run the jobs of one lab in QEMU, on this machine."""
    async with (
        ApiClient.connect(settings) as api,
        Storage.connect(settings) as storage,
    ):
        await Bridge(api, storage, LocalLab(settings), settings).run(stop)


def start() -> None:
    """Start the service."""
    run(main, Settings, checker(lambda settings: opened(LocalLab(settings))))


if __name__ == "__main__":
    start()

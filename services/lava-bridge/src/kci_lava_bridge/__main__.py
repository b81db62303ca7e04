# SPDX-License-Identifier: LGPL-2.1-or-later
"""Run lava-bridge: ``python -m kci_lava_bridge``."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from kci_lava_bridge.callbacks import listening
from kci_lava_bridge.dialect import LavaLab
from kci_lava_bridge.lab import read_lab
from kci_lava_bridge.lava import Lava
from kci_lava_bridge.settings import Settings
from kci_shared.client import ApiClient
from kci_shared.lab.check import checker
from kci_shared.service import run
from kci_shared.storage import Storage
from kci_shared.work import Bridge


async def main(settings: Settings, stop: asyncio.Event) -> None:
    """Run the jobs of a runtime on the devices of a LAVA lab."""
    async with (
        open_lab(settings) as dialect,
        ApiClient.connect(settings) as api,
        Storage.connect(settings) as storage,
    ):
        port = settings.callback_port
        async with listening(dialect.desk, settings.callback_host, port):
            await Bridge(api, storage, dialect, settings).run(stop)


@asynccontextmanager
async def open_lab(settings: Settings) -> AsyncIterator[LavaLab]:
    """Read the lab's file, and open its LAVA."""
    lab = read_lab(settings.lab)
    async with Lava.connect(lab) as lava:
        dialect = LavaLab(lab, lava, settings)
        async with dialect.watch.running():
            yield dialect


def start() -> None:
    """Run the service as its settings say."""
    run(main, Settings, checker(open_lab))


if __name__ == "__main__":
    start()

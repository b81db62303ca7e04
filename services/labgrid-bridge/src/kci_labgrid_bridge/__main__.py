# SPDX-License-Identifier: LGPL-2.1-or-later
"""Run labgrid-bridge: ``python -m kci_labgrid_bridge``."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from kci_labgrid_bridge.dialect import LabgridDialect
from kci_labgrid_bridge.lab import read_lab
from kci_labgrid_bridge.settings import Settings
from kci_shared.client import ApiClient
from kci_shared.lab.check import checker
from kci_shared.service import run
from kci_shared.storage import Storage
from kci_shared.work import Bridge


async def main(settings: Settings, stop: asyncio.Event) -> None:
    """Run the jobs of a runtime on the boards of a labgrid lab."""
    async with (
        open_lab(settings) as dialect,
        ApiClient.connect(settings) as api,
        Storage.connect(settings) as storage,
    ):
        await Bridge(api, storage, dialect, settings).run(stop)


@asynccontextmanager
async def open_lab(settings: Settings) -> AsyncIterator[LabgridDialect]:
    """Read the lab's file; the coordinator is spoken to only when it is needed."""
    yield LabgridDialect(read_lab(settings.lab), settings.runtime, settings.runs)


def start() -> None:
    """Run the service as its settings say."""
    run(main, Settings, checker(open_lab))


if __name__ == "__main__":
    start()

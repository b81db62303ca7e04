# SPDX-License-Identifier: LGPL-2.1-or-later
"""Run labgrid-bridge: ``python -m kci_labgrid_bridge``."""

import asyncio

from kci_labgrid_bridge.dialect import LabgridDialect
from kci_labgrid_bridge.lab import read_lab
from kci_labgrid_bridge.settings import Settings
from kci_shared.bridge import Bridge
from kci_shared.client import ApiClient
from kci_shared.service import run
from kci_shared.storage import Storage


async def main(settings: Settings, stop: asyncio.Event) -> None:
    """Run the jobs of a runtime on the boards of a labgrid lab."""
    lab = read_lab(settings.lab)
    dialect = LabgridDialect(lab, settings.runtime, settings.runs)
    async with (
        ApiClient.connect(settings) as api,
        Storage.connect(settings) as storage,
    ):
        await Bridge(api, storage, dialect, settings).run(stop)


def start() -> None:
    """Run the service as its settings say."""
    run(main, Settings)


if __name__ == "__main__":
    start()

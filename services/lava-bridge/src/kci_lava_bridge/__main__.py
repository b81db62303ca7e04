# SPDX-License-Identifier: LGPL-2.1-or-later
"""Run lava-bridge: ``python -m kci_lava_bridge``."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from kci_lava_bridge.dialect import LavaLab
from kci_lava_bridge.lab_file import read_lab
from kci_lava_bridge.lava import Lava
from kci_lava_bridge.settings import Settings
from kci_shared.lab.main import run_bridge


@asynccontextmanager
async def open_lab(settings: Settings) -> AsyncIterator[LavaLab]:
    """Run the jobs of a runtime on the devices of a LAVA lab."""
    read = partial(read_lab, settings.lab)
    lab = read()
    async with Lava.connect(read) as lava:
        dialect = LavaLab(lab, lava, settings)
        async with dialect.watch.running():
            yield dialect


def start() -> None:
    """Start the service."""
    run_bridge(open_lab, Settings)


if __name__ == "__main__":
    start()

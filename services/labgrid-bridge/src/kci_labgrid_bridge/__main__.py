# SPDX-License-Identifier: LGPL-2.1-or-later
"""Run labgrid-bridge: ``python -m kci_labgrid_bridge``."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from kci_labgrid_bridge.dialect import LabgridLab
from kci_labgrid_bridge.lab_file import read_lab
from kci_labgrid_bridge.settings import Settings
from kci_shared.lab.main import run_bridge


@asynccontextmanager
async def open_lab(settings: Settings) -> AsyncIterator[LabgridLab]:
    """Run the jobs of a runtime on the boards of a labgrid lab."""
    read = partial(read_lab, settings.lab)
    yield LabgridLab(read(), settings.runtime, settings.runs, read)


def start() -> None:
    """Start the service."""
    run_bridge(open_lab, Settings)


if __name__ == "__main__":
    start()

# SPDX-License-Identifier: LGPL-2.1-or-later
"""Run local-bridge: ``python -m kci_local_bridge``."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from kci_local_bridge.dialect import LocalLab
from kci_local_bridge.settings import Settings
from kci_shared.lab.main import run_bridge


@asynccontextmanager
async def open_lab(settings: Settings) -> AsyncIterator[LocalLab]:
    """Run the jobs of a runtime in QEMU, on this machine."""
    yield LocalLab(settings)


def start() -> None:
    """Start the service."""
    run_bridge(open_lab, Settings)


if __name__ == "__main__":
    start()

# SPDX-License-Identifier: LGPL-2.1-or-later
"""Run the builder: `python -m kci_builder`."""

import asyncio

from kci_builder.builder import Builder
from kci_builder.sandbox import choose
from kci_builder.settings import Settings
from kci_shared.client import ApiClient
from kci_shared.service import run
from kci_shared.storage import Storage
from kci_shared.work import Bridge
from kci_shared.work.artifacts import Artifacts


async def main(settings: Settings, stop: asyncio.Event) -> None:
    """Build the kernels that wait for this runtime, on this machine."""
    sandbox = await choose(settings.sandbox)
    async with (
        ApiClient.connect(settings) as api,
        Storage.connect(settings) as storage,
    ):
        artifacts = Artifacts(storage, settings.cache / "artifacts")
        builder = Builder(api, artifacts, sandbox, settings)
        await Bridge(api, storage, builder, settings).run(stop)


def start() -> None:
    """Start the service."""
    run(main, Settings)


if __name__ == "__main__":
    start()

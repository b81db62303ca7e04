# SPDX-License-Identifier: LGPL-2.1-or-later
"""Store the artifacts that `kci-builder-once` left: ``kci-builder-deliver``."""

import asyncio

from kci_builder.report import read_report
from kci_builder.settings import DeliverySettings
from kci_shared.service import run
from kci_shared.storage import Storage
from kci_shared.work.artifacts import Artifacts
from kci_shared.work.build import MARK


async def main(settings: DeliverySettings, _: asyncio.Event) -> None:
    """Store the artifacts of a build, and print its report with their URLs."""
    report, files = read_report(settings.folder)
    token = settings.token.read()
    async with Storage.open(settings.storage_url, token) as storage:
        artifacts = Artifacts(storage, settings.folder / "cache")
        urls = await artifacts.store(files, report.needed)
    stored = report.model_copy(update={"artifacts": urls})
    print(f"{MARK}{stored.model_dump_json()}")  # noqa: T201 - the bridge reads the log


def start() -> None:
    """Start the program."""
    run(main, DeliverySettings)

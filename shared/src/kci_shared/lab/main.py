# SPDX-License-Identifier: LGPL-2.1-or-later
"""The main function of every bridge to a lab."""

import asyncio
import functools
from typing import TypeVar

from kci_shared.client import ApiClient
from kci_shared.lab.check import OpenLab, checker
from kci_shared.service import run
from kci_shared.storage import Storage
from kci_shared.work import Bridge, BridgeSettings

B = TypeVar("B", bound=BridgeSettings)


def run_bridge(open_lab: OpenLab[B], settings_type: type[B]) -> None:
    """Run the jobs of a runtime on a lab until a stop signal, or only `--check` it.

    `--help` shows the first line of `open_lab`'s docstring.
    """

    @functools.wraps(open_lab)
    async def main(settings: B, stop: asyncio.Event) -> None:
        async with (
            open_lab(settings) as dialect,
            ApiClient.connect(settings) as api,
            Storage.connect(settings) as storage,
            dialect.serving(),
        ):
            await Bridge(api, storage, dialect, settings).run(stop)

    run(main, settings_type, checker(open_lab))

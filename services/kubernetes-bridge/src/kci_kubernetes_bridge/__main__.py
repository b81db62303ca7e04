# SPDX-License-Identifier: LGPL-2.1-or-later
"""Run kubernetes-bridge: ``python -m kci_kubernetes_bridge``."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from kci_kubernetes_bridge.access import find_access
from kci_kubernetes_bridge.dialect import Cluster
from kci_kubernetes_bridge.kubernetes import Kubernetes
from kci_kubernetes_bridge.lab import read_lab
from kci_kubernetes_bridge.settings import Settings
from kci_shared.client import ApiClient
from kci_shared.lab.check import checker
from kci_shared.service import run
from kci_shared.storage import Storage
from kci_shared.work import Bridge


async def main(settings: Settings, stop: asyncio.Event) -> None:
    """Run the jobs of a runtime in containers of a Kubernetes cluster."""
    async with (
        open_lab(settings) as cluster,
        ApiClient.connect(settings) as api,
        Storage.connect(settings) as storage,
    ):
        await Bridge(api, storage, cluster, settings).run(stop)


@asynccontextmanager
async def open_lab(settings: Settings) -> AsyncIterator[Cluster]:
    """Read the lab's file, and open its cluster."""
    lab = read_lab(settings.lab)
    async with (
        Kubernetes.connect(find_access(lab)) as kubernetes,
        ApiClient.connect(settings) as api,
    ):
        cluster = Cluster(lab, kubernetes, api, settings)
        async with cluster.watch.running():
            yield cluster


def start() -> None:
    """Run the service as its settings say."""
    run(main, Settings, checker(open_lab))


if __name__ == "__main__":
    start()

# SPDX-License-Identifier: LGPL-2.1-or-later
"""Run kubernetes-bridge: ``python -m kci_kubernetes_bridge``."""

import asyncio

from kci_kubernetes_bridge.access import find_access
from kci_kubernetes_bridge.dialect import Cluster
from kci_kubernetes_bridge.kubernetes import Kubernetes
from kci_kubernetes_bridge.lab import read_lab
from kci_kubernetes_bridge.settings import Settings
from kci_shared.bridge import Bridge
from kci_shared.client import ApiClient
from kci_shared.service import run
from kci_shared.storage import Storage


async def main(settings: Settings, stop: asyncio.Event) -> None:
    """Run the jobs of a runtime in containers of a Kubernetes cluster."""
    lab = read_lab(settings.lab)
    async with (
        ApiClient.connect(settings) as api,
        Storage.connect(settings) as storage,
        Kubernetes.connect(find_access(lab)) as kubernetes,
    ):
        cluster = Cluster(lab, kubernetes, settings)
        async with cluster.watch.running():
            await Bridge(api, storage, cluster, settings).run(stop)


def start() -> None:
    """Run the service as its settings say."""
    run(main, Settings)


if __name__ == "__main__":
    start()

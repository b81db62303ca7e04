# SPDX-License-Identifier: LGPL-2.1-or-later
"""Run kubernetes-bridge: ``python -m kci_kubernetes_bridge``."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from kci_kubernetes_bridge.access import find_access
from kci_kubernetes_bridge.dialect import Cluster
from kci_kubernetes_bridge.kubernetes import Kubernetes
from kci_kubernetes_bridge.lab_file import read_lab
from kci_kubernetes_bridge.settings import Settings
from kci_shared.client import ApiClient
from kci_shared.lab.main import run_bridge


@asynccontextmanager
async def open_lab(settings: Settings) -> AsyncIterator[Cluster]:
    """Run the jobs of a runtime in containers of a Kubernetes cluster."""
    lab = read_lab(settings.lab)
    async with (
        Kubernetes.connect(find_access(lab)) as kubernetes,
        ApiClient.connect(settings) as api,
    ):
        cluster = Cluster(lab, kubernetes, api, settings)
        async with cluster.watch.running():
            yield cluster


def start() -> None:
    """Start the service."""
    run_bridge(open_lab, Settings)


if __name__ == "__main__":
    start()

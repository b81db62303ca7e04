# SPDX-License-Identifier: LGPL-2.1-or-later
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest
from kubernetes_bridge_fakes import TARBALL, Clusters, FakeCluster, Jobs, a_checkout

from kci_fakes.api import FakeApi
from kci_kubernetes_bridge.kubernetes import Kubernetes


@pytest.fixture
def api() -> FakeApi:
    """An API that has the checkout above all builds."""
    api = FakeApi()
    api.put(a_checkout(tarball=TARBALL))
    return api


@pytest.fixture
def fake() -> FakeCluster:
    return FakeCluster()


@pytest.fixture
async def kubernetes(fake: FakeCluster) -> AsyncIterator[Kubernetes]:
    transport = httpx.MockTransport(fake.answer)
    async with httpx.AsyncClient(transport=transport, base_url="http://k/") as http:
        yield Kubernetes(http, "kernelci")


@pytest.fixture
async def clusters(kubernetes: Kubernetes, api: FakeApi) -> AsyncIterator[Clusters]:
    async with AsyncExitStack() as lives:
        yield Clusters(kubernetes, api, lives)


@pytest.fixture
def jobs(tmp_path: Path) -> Jobs:
    return Jobs(tmp_path)

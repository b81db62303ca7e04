# SPDX-License-Identifier: LGPL-2.1-or-later
"""A real API server of Kubernetes, an API with a storage, and bridges between them."""

import asyncio
import itertools
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from integration.conftest import Serving
from integration.reported import Reported
from kci_fakes.repository import Repository
from kci_local.parts import service_part
from kci_local.processes import Process, Processes
from kci_local.site import Site
from kci_local.stack import Stack
from kci_shared.client import ApiClient
from kci_shared.models import Kind, NewNode
from kci_shared.storage import Storage

PROJECT = Path(__file__).parents[3]
LAB = PROJECT / "tests" / "labs" / "kubernetes" / "lab.py"
NAME = "kubernetes-bridge"
JOBS = "/apis/batch/v1/namespaces/kernelci/jobs"
PODS = "/api/v1/namespaces/kernelci/pods"
NUMBERS = itertools.count(1)


JsonObject = dict[str, Any]


@dataclass(frozen=True)
class RealCluster:
    """An API server that runs on this machine."""

    url: str
    token: str
    """The administrator's."""
    kubeconfig: str
    """The bridge's."""
    state: Path

    @property
    def authority(self) -> Path:
        return self.state / "certs" / "apiserver.crt"


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealCluster]:
    if os.environ.get("KCI_TEST_KUBERNETES") != "1":
        pytest.skip("a real Kubernetes has to be built first: `make kubernetes-lab`")
    state = tmp_path_factory.mktemp("kubernetes")
    command = [sys.executable, str(LAB)]
    up = subprocess.run([*command, "up", str(state)], check=True, capture_output=True)
    yield RealCluster(**json.loads(up.stdout), state=state)
    subprocess.run([*command, "down", str(state)], check=True)


@pytest.fixture(scope="session")
def site(
    cluster: RealCluster, tmp_path_factory: pytest.TempPathFactory, serving: Serving
) -> Iterator[Site]:
    state = tmp_path_factory.mktemp("state")
    with serving(Site.open(state, PROJECT / "config", PROJECT / "var/cache")) as site:
        yield site


class World(Reported):
    """Bridges, nodes for them to run, and the cluster that runs them."""

    def __init__(self, site: Site, cluster: RealCluster, api: ApiClient) -> None:
        self.site = site
        super().__init__(api)
        self.cluster = cluster
        self.stack = Stack(site)
        self.lab = Processes(cluster.state)
        self.http = httpx.AsyncClient(
            base_url=cluster.url, timeout=30, trust_env=False, verify=False,  # noqa: S501
            headers={"Authorization": f"Bearer {cluster.token}"},
        )  # fmt: skip

    async def start(self, name: str = NAME, queue: float = 600) -> None:
        """Start a bridge; several may serve the runtime."""
        lab = {
            "kubeconfig": self.cluster.kubeconfig,
            "images": ["fate/"],
            "pending": 50,
            "platforms": {"kubernetes": {"image": "debian", "cpu": "10m"}},
            "builds": {"image": "kci-builder", "secret": "storage", "cpu": "2"},
        }
        (self.site.state / "kubernetes.yaml").write_text(yaml.safe_dump(lab))
        part = service_part(self.site, NAME)
        port = self.site.ports[f"{name} health"]
        own = {
            "KCI_LEASE": "6",
            "KCI_QUEUE": str(queue),
            "KCI_DRAIN": "0",
            "KCI_HEALTH_PORT": str(port),
            "KCI_CACHE": str(self.site.folder(f"cache-{name}")),
        }
        health = f"http://127.0.0.1:{port}/ready"
        made = Process(name, part.command, {**part.env, **own}, health=health)
        await self.stack.processes.start(made)
        await self.stack.processes.until_ready(made)

    async def stop(self) -> None:
        for name in self.stack.processes.running():
            if name.startswith(NAME):
                await self.stack.processes.stop(name)

    async def kill(self, name: str = NAME) -> None:
        await self.stack.processes.kill(name)

    async def job(self, *steps: str, limit: float = 120, **more: object) -> str:
        """Create a job's node; a step is its name and its command."""
        parts = (step.partition(": ") for step in steps)
        tests = [{"id": name, "run": run, "timeout": 60} for name, _, run in parts]
        definition = {"artifacts": {}, "tests": tests, "timeout": limit, **more}
        data = {
            "runtime": "lab-kubernetes",
            "platform": "kubernetes",
            "definition": definition,
        }
        key = f"kubernetes-test/{next(NUMBERS)}"
        node = NewNode(kind=Kind.JOB, name="smoke", data=data, idempotency_key=key)
        return (await self.api.create(node)).id

    async def secret(self) -> str:
        """Give the namespace a Secret for builds; return the token that it holds."""
        token = self.site.secrets.path(f"{NAME}.token").read_text().strip()
        body = {"metadata": {"name": "storage"}, "stringData": {"token": token}}
        await self.http.post("/api/v1/namespaces/kernelci/secrets", json=body)
        return token

    async def build(self, sources: Repository, **definition: object) -> str:
        """Create a build's node below a checkout of some sources."""
        token = self.site.secrets.path("admin.token").read_text()
        number = next(NUMBERS)
        tarball = sources.pack(self.site.state / f"linux-{number}.tar.gz")
        async with Storage.open(self.site.url("storage"), token) as storage:
            url = await storage.put_file(tarball)
        revision = {"tree": "t", "url": "u", "branch": "b", "commit": f"{number:040x}"}
        checkout = NewNode(
            kind=Kind.CHECKOUT,
            name="checkout",
            artifacts={"tarball": url},
            data={"kernel_revision": revision},
        )
        above = await self.api.create(checkout)
        asked = {"arch": "x86_64", "compiler": "gcc", "defconfig": "tinyconfig"}
        data = {
            "runtime": "lab-kubernetes",
            "platform": "build",
            "definition": {**asked, **definition},
        }
        name = "build/gcc/x86_64/tinyconfig"
        node = NewNode(kind=Kind.KBUILD, name=name, parent=above.id, data=data)
        return (await self.api.create(node)).id

    @asynccontextmanager
    async def no_pods(self) -> AsyncIterator[None]:
        """Have a limit of the namespace forbid all pods as long as the block lasts."""
        limits = "/api/v1/namespaces/kernelci/limitranges"
        least = [{"type": "Container", "max": {"memory": "1Mi"}}]
        body = {"metadata": {"name": "least"}, "spec": {"limits": least}}
        await self.http.post(limits, json=body)
        wants = {"limits": {"memory": "2Mi"}}
        container = {"name": "c", "image": "debian", "resources": wants}
        pod = {"metadata": {"name": "p"}, "spec": {"containers": [container]}}
        try:
            while (await self._try(pod)).is_success:
                await asyncio.sleep(0.1)
            yield
        finally:
            await self.http.delete(f"{limits}/least")
            while not (await self._try(pod)).is_success:
                await asyncio.sleep(0.1)

    async def _try(self, pod: JsonObject) -> httpx.Response:
        """Create a pod, but only for the sake of the answer."""
        return await self.http.post(PODS, json=pod, params={"dryRun": "All"})

    async def fate(self, image: str) -> str:
        """Create a job whose image names how its container ends."""
        return await self.job("uname: uname -s", params={"image": f"fate/{image}"})

    async def in_cluster(self, path: str, node_id: str) -> list[JsonObject]:
        """Return the Jobs, or the pods, that there are of a node."""
        query = {"labelSelector": f"kernelci.org/node={node_id}"}
        found: list[JsonObject] = (await self.http.get(path, params=query)).json()[
            "items"
        ]
        return found

    async def running(self, node_id: str) -> str:
        """Wait until a container of a node runs; return the uid of its Job."""
        while True:
            pods = await self.in_cluster(PODS, node_id)
            if pods and pods[0]["status"]["phase"] == "Running":
                uid: str = (await self.in_cluster(JOBS, node_id))[0]["metadata"]["uid"]
                return uid
            await asyncio.sleep(0.1)


@pytest.fixture
async def world(site: Site, cluster: RealCluster) -> AsyncIterator[World]:
    token = site.secrets.path("admin.token").read_text()
    async with httpx.AsyncClient(
        base_url=site.url("api"), headers={"Authorization": f"Bearer {token}"},
        timeout=30, trust_env=False,
    ) as http:  # fmt: skip
        world = World(site, cluster, ApiClient(http))
        yield world
        await world.stop()
        await world.http.aclose()

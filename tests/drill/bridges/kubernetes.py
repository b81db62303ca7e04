# SPDX-License-Identifier: LGPL-2.1-or-later
"""A real Kubernetes API server, whose node counts the containers that it runs."""

import re
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import yaml

from drill.bridges.lab import replicas, set_up
from kci_local.processes import Process
from kci_local.site import Site
from kci_shared.storage import Storage

LAB = "labs.kubernetes.lab"
POD = re.compile(r"kci-([0-9a-f]{24})-")
PODS = "/api/v1/namespaces/kernelci/pods"
AT_ONCE = 8


class KubernetesDrill:
    """Runs a container for each job, once, whatever becomes of the bridge."""

    runtime = "lab-kubernetes"
    platform = "kubernetes"
    runs_anew = False
    longest_life_s = 40.0

    def __init__(self, site: Site) -> None:
        self._site = site
        self._state = site.folder("cluster")
        self._cluster: dict[str, Any] = {}

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run the cluster."""
        async with set_up(LAB, self._state) as self._cluster:
            yield

    def bridges(self) -> list[Process]:
        """Let both replicas into the cluster."""
        told = {
            "kubeconfig": self._cluster["kubeconfig"],
            "pending": AT_ONCE,
            "platforms": {self.platform: {"image": "debian", "cpu": "10m"}},
        }
        (self._site.state / "kubernetes.yaml").write_text(yaml.safe_dump(told))
        own = {"KCI_MAX_JOBS": str(AT_ONCE)}
        return replicas(self._site, "kubernetes-bridge", own)

    async def definition(self, _: Storage, __: int) -> dict[str, Any]:
        """Last a while, so that a bridge can die meanwhile."""
        tests = [{"id": "waits", "run": "sleep 5; uname -s"}]
        return {"artifacts": {}, "tests": tests, "timeout": 120}

    async def runs(self, _: list[str]) -> Counter[str]:
        """Count the containers that each job had: each has a log."""
        logs = (self._state / "node").glob("*.log")
        found = [POD.match(log.name) for log in logs]
        return Counter(match[1] for match in found if match)

    async def leftovers(self) -> list[str]:
        """Name the pods that have not ended."""
        async with httpx.AsyncClient(
            base_url=self._cluster["url"], trust_env=False, verify=False,  # noqa: S501 - on loopback
            headers={"Authorization": f"Bearer {self._cluster['token']}"},
        ) as http:  # fmt: skip
            pods = (await http.get(PODS)).raise_for_status().json()["items"]
        return [
            f"pod {pod['metadata']['name']}"
            for pod in pods
            if pod["status"]["phase"] in ("Pending", "Running")
        ]

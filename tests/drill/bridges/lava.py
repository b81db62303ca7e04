# SPDX-License-Identifier: LGPL-2.1-or-later
"""A real LAVA with two QEMU devices, which lists what was submitted to it."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import yaml

from drill.bridges.lab import call, replicas, set_up
from kci_local.processes import Process
from kci_local.site import Site
from kci_shared.storage import Storage

LAB = "labs.lava.lab"
IMAGES = {"kernel": "vmlinuz", "ramdisk": "rootfs.cpio.gz"}
REPLICAS = ("lava-bridge", "lava-bridge-2")


class LavaDrill:
    """Runs each job once, even if the bridge is killed."""

    runtime = "lab-lava"
    platform = "qemu"
    runs_anew = False
    longest_life_s = 240.0

    def __init__(self, site: Site) -> None:
        self._site = site
        self._lava: dict[str, Any] = {}

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run LAVA; its packages are installed first, which needs root."""
        await call(LAB, "install")
        async with set_up(LAB) as self._lava:
            yield

    def bridges(self) -> list[Process]:
        """Return replicas, each with a callback of its own."""
        token = self._site.state / "lava.token"
        token.touch(0o600)
        token.write_text(self._lava["tokens"]["kernelci"])
        own = [self._own(name, token) for name in REPLICAS]
        return replicas(self._site, "lava-bridge", *own)

    def _own(self, name: str, token: Path) -> dict[str, str]:
        port = self._site.ports[f"{name} callback"]
        lab = {
            "url": self._lava["url"],
            "token_file": str(token),
            "callback": f"http://127.0.0.1:{port}",
            "poll": 5,
            "depth": 10,
            "devices": {self.platform: self._lava["devices"]["qemu"]},
        }
        file = self._site.state / f"{name}.yaml"
        file.write_text(yaml.safe_dump(lab))
        return {"KCI_LAB": str(file), "KCI_CALLBACK_PORT": str(port)}

    async def definition(self, _: Storage, __: int) -> dict[str, Any]:
        """Boot, and print the kernel's release."""
        urls = {kind: f"{self._lava['images']}/{name}" for kind, name in IMAGES.items()}
        tests = [{"id": "uname", "run": "uname -r"}]
        return {"artifacts": urls, "tests": tests, "timeout": 600}

    async def runs(self, nodes: list[str]) -> Counter[str]:
        """Count the jobs that were submitted to LAVA for each node."""
        counts = Counter(job["description"].split()[0] for job in await self._jobs())
        return Counter({node: counts[node] for node in nodes if counts[node]})

    async def leftovers(self) -> list[str]:
        """Return the jobs that have not finished."""
        jobs = await self._jobs()
        return [f"job {job['id']}" for job in jobs if job["state"] != "Finished"]

    async def _jobs(self) -> list[dict[str, Any]]:
        """Return all jobs of LAVA."""
        page: str | None = f"{self._lava['url']}/api/v0.2/jobs/?limit=100"
        token, jobs = self._lava["tokens"]["admin"], []
        async with httpx.AsyncClient(
            trust_env=False, timeout=60, headers={"Authorization": f"Token {token}"}
        ) as http:
            while page:
                answer = (await http.get(page)).raise_for_status().json()
                jobs += answer["results"]
                page = answer["next"]
        return jobs

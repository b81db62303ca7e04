# SPDX-License-Identifier: LGPL-2.1-or-later
"""A real LAVA, an API with a storage, and a bridge between them that can be killed."""

import asyncio
import itertools
import os
import signal
from typing import TypedDict

import httpx
import yaml
from labs.lava.lab_file import Entry

from integration.lava_bridge.connection import Connection
from integration.reported import Reported
from kci_local.parts import service_part
from kci_local.processes import Process
from kci_local.site import Site
from kci_local.stack import Stack
from kci_shared.client import ApiClient
from kci_shared.models import Job, Kind, NewNode

NAME = "lava-bridge"
NUMBERS = itertools.count(1)


class Lava(TypedDict):
    """What `labs.lava.lab up` prints."""

    url: str
    images: str
    tokens: dict[str, str]
    devices: dict[str, Entry]


class LavaJob(TypedDict):
    """A job as LAVA's API returns it."""

    id: int
    state: str
    health: str
    definition: str


class World(Reported):
    """What a test can do with them."""

    def __init__(self, site: Site, lava: Lava, api: ApiClient) -> None:
        self.site = site
        super().__init__(api)
        self.lava = lava
        self.connection = Connection(lava["url"])
        self.stack = Stack(site)
        self.http = httpx.AsyncClient(
            base_url=f"{lava['url']}/api/v0.2/",
            timeout=30,
            trust_env=False,
            headers={"Authorization": f"Token {lava['tokens']['admin']}"},
        )

    async def start(self, *, callback: bool = True, poll: float = 3) -> None:
        """Start a bridge; without `callback` LAVA's callbacks reach nobody."""
        port = self.site.ports["lava callback"]
        token = self.site.state / "lava.token"
        token.write_text(self.lava["tokens"]["kernelci"])
        lab = {
            "url": f"http://127.0.0.1:{self.connection.port}",
            "token_file": str(token),
            "callback": f"http://127.0.0.1:{port if callback else 9}",
            "poll": poll,
            "depth": 20,
            "devices": self.lava["devices"],
        }
        (self.site.state / "lava.yaml").write_text(yaml.safe_dump(lab))
        await self._run(service_part(self.site, NAME), str(port))

    async def _run(self, part: Process, port: str) -> None:
        own = {"KCI_LEASE": "15", "KCI_DRAIN": "0", "KCI_CALLBACK_PORT": port}
        process = Process(
            part.name, part.command, {**part.env, **own}, health=part.health
        )
        await self.stack.processes.start(process)
        await self.stack.processes.until_ready(process)

    async def stop(self) -> None:
        await self.stack.processes.stop(NAME)

    async def kill(self) -> None:
        pid = self.stack.processes.pid(NAME)
        assert pid is not None
        os.killpg(pid, signal.SIGKILL)
        while self.stack.processes.pid(NAME):
            await asyncio.sleep(0.05)

    async def job(
        self, platform: str, *steps: str, limit: float = 300, **changes: str
    ) -> str:
        """Create a job's node; a step is its name and its command."""
        parts = (step.partition(": ") for step in steps)
        tests = [{"id": name, "run": run, "timeout": 30} for name, _, run in parts]
        images = {"kernel": "vmlinuz", "ramdisk": "rootfs.cpio.gz"}
        urls = {kind: f"{self.lava['images']}/{name}" for kind, name in images.items()}
        definition = {
            "artifacts": {**urls, **changes},
            "tests": tests,
            "timeout": limit,
        }
        node = NewNode(
            kind=Kind.JOB,
            name="smoke" if steps else "boot",
            data={
                "runtime": "lab-lava",
                "platform": platform,
                "definition": definition,
            },
            idempotency_key=f"lava-test/{next(NUMBERS)}",
        )
        return (await self.api.create(node)).id

    async def done_job(self, node_id: str) -> Job:
        """Wait until a job's node is done."""
        node = await self.done(node_id)
        assert isinstance(node, Job)
        return node

    async def in_lava(self, node_id: str) -> list[LavaJob]:
        """Return the jobs that LAVA has for a node."""
        query = {"description__startswith": node_id, "ordering": "id"}
        answer = await self.http.get("jobs/", params=query)
        jobs: list[LavaJob] = answer.json()["results"]
        return jobs

    async def running(self, node_id: str) -> LavaJob:
        """Wait until LAVA runs a job of a node."""
        while True:
            jobs = await self.in_lava(node_id)
            if jobs and jobs[0]["state"] == "Running":
                return jobs[0]
            await asyncio.sleep(0.5)

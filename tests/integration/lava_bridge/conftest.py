# SPDX-License-Identifier: LGPL-2.1-or-later
"""A real LAVA, an API with a storage, and a bridge between them that can be killed."""

import asyncio
import itertools
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from integration.reported import Reported
from kci_local.parts import service_part
from kci_local.processes import Process
from kci_local.site import Site
from kci_local.stack import Stack
from kci_shared.client import ApiClient
from kci_shared.models import Kind, NewNode

PROJECT = Path(__file__).parents[3]
LAB = PROJECT / "tests" / "labs" / "lava" / "lab.py"
NAME = "lava-bridge"
EARLY = "earlyprintk=ttyS0,115200"
BOARD = {"prompts": ["kci-dut:"], "arguments": EARLY, "boot_timeout": 90}
U_BOOT = {**BOARD, "boot": "u-boot", "kernel_type": "zimage"}
NUMBERS = itertools.count(1)


def devices(qemu: dict[str, Any]) -> dict[str, Any]:
    """Say what the bridge's lab file has; `qemu` is the entry of a QEMU."""
    dies = f"{qemu['arguments']} rdinit=/none"
    return {
        "qemu": {**qemu, "tags": ["emulated"]},
        "panics": {**qemu, "arguments": dies, "boot_timeout": 60},
        "refused": {**qemu, "job": {"visibility": "nobody"}},
        "uboot": {**U_BOOT, "type": "kci-uboot"},
        "grub": {**BOARD, "type": "kci-grub", "boot": "grub"},
        "dead": {**U_BOOT, "type": "kci-dead"},
        "two": {**qemu, "roles": {"client": 1, "server": 1}},
    }


@pytest.fixture(scope="session")
def lava() -> Iterator[dict[str, Any]]:
    if os.environ.get("KCI_TEST_LAVA") != "1":
        pytest.skip("a real LAVA takes some minutes: `make lava-lab`")
    if os.geteuid():
        pytest.skip("a real LAVA needs root: its parts run as users of their own")
    install = [sys.executable, LAB, "install"]
    done = subprocess.run(install, check=False, capture_output=True, timeout=1800)
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        pytest.skip(f"LAVA's packages cannot be installed here: {said}")
    up = subprocess.run([sys.executable, LAB, "up"], check=True, capture_output=True)
    yield json.loads(up.stdout)
    subprocess.run([sys.executable, LAB, "down"], check=True)


@pytest.fixture(scope="session")
def site(
    lava: Any, tmp_path_factory: pytest.TempPathFactory, serving: Any
) -> Iterator[Site]:
    state = tmp_path_factory.mktemp("state")
    with serving(Site.open(state, PROJECT / "config", PROJECT / "var/cache")) as site:
        yield site


class Way:
    """The way from the bridge to LAVA: it can be cut, and lose an answer."""

    def __init__(self, lava: str) -> None:
        self._lava = httpx.URL(lava)
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self.port = 0
        self.loses_answers = False
        self.lost = asyncio.Event()
        """LAVA has taken a job, and its answer went nowhere."""

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        assert self._server is not None
        self._server.close()
        for writer in list(self._open):
            writer.close()
        await asyncio.sleep(0)

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        there, back = await asyncio.open_connection(self._lava.host, self._lava.port)
        self._open |= {writer, back}
        posted = asyncio.Event()
        try:
            await asyncio.gather(
                self._pump(reader, back, posted), self._pump(there, writer, posted)
            )
        except OSError:
            pass
        finally:
            self._open -= {writer, back}
            writer.close()
            back.close()

    async def _pump(
        self,
        source: asyncio.StreamReader,
        target: asyncio.StreamWriter,
        posted: asyncio.Event,
    ) -> None:
        while data := await source.read(65536):
            if data.startswith(b"POST /api/v0.2/jobs/"):
                posted.set()
            elif self.loses_answers and posted.is_set() and data[:5] == b"HTTP/":
                self.lost.set()
                break
            target.write(data)
            await target.drain()
        target.close()


class World(Reported):
    """What a test can do."""

    def __init__(self, site: Site, lava: dict[str, Any], api: ApiClient) -> None:
        self.site = site
        super().__init__(api)
        self.lava = lava
        self.way = Way(lava["url"])
        self.stack = Stack(site)
        self.http = httpx.AsyncClient(
            base_url=f"{lava['url']}/api/v0.2/", timeout=30, trust_env=False,
            headers={"Authorization": f"Token {lava['tokens']['admin']}"},
        )  # fmt: skip

    async def start(self, *, callback: bool = True, poll: float = 3) -> None:
        """Start a bridge; without `callback` LAVA calls where nobody listens."""
        port = self.site.ports["lava callback"]
        token = self.site.state / "lava.token"
        token.write_text(self.lava["tokens"]["kernelci"])
        told = {
            "url": f"http://127.0.0.1:{self.way.port}",
            "token_file": str(token),
            "callback": f"http://127.0.0.1:{port if callback else 9}",
            "poll": poll,
            "depth": 20,
            "devices": devices(self.lava["qemu"]),
        }
        (self.site.state / "lava.yaml").write_text(yaml.safe_dump(told))
        await self._run(service_part(self.site, NAME), str(port))

    async def _run(self, part: Process, port: str) -> None:
        own = {"KCI_LEASE": "15", "KCI_DRAIN": "0", "KCI_CALLBACK_PORT": port}
        made = Process(part.name, part.command, {**part.env, **own}, health=part.health)
        await self.stack.processes.start(made)
        await self.stack.processes.until_ready(made)

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
                "runtime": "lab-lava", "platform": platform, "definition": definition,
            },
            idempotency_key=f"lava-test/{next(NUMBERS)}",
        )  # fmt: skip
        return (await self.api.create(node)).id

    async def in_lava(self, node_id: str) -> list[dict[str, Any]]:
        """Return the jobs that LAVA has of a node."""
        query = {"description__startswith": node_id, "ordering": "id"}
        answer = await self.http.get("jobs/", params=query)
        found: list[dict[str, Any]] = answer.json()["results"]
        return found

    async def running(self, node_id: str) -> dict[str, Any]:
        """Wait until LAVA runs a job of a node."""
        while True:
            jobs = await self.in_lava(node_id)
            if jobs and jobs[0]["state"] == "Running":
                return jobs[0]
            await asyncio.sleep(0.5)


@pytest.fixture
async def world(site: Site, lava: dict[str, Any]) -> AsyncIterator[World]:
    token = site.secrets.path("admin.token").read_text()
    async with httpx.AsyncClient(
        base_url=site.url("api"), headers={"Authorization": f"Bearer {token}"},
        timeout=30, trust_env=False,
    ) as http:  # fmt: skip
        world = World(site, lava, ApiClient(http))
        await world.way.open()
        yield world
        await world.stop()
        await world.way.cut()
        await world.http.aclose()

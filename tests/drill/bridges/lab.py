# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the drill needs of a lab: its bridges, its jobs, and what it really ran."""

import asyncio
import json
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from subprocess import PIPE, CalledProcessError
from typing import Any, Protocol

from kci_fakes.lab.images import make_images
from kci_local.parts import service_part
from kci_local.processes import Process
from kci_local.site import Site
from kci_shared.storage import Storage

IMAGES = Path("var/cache")
"""Where the kernel of all jobs is."""
LEASE_S = 5


class Lab(Protocol):
    """A lab that counts what it ran, independently of the bridge."""

    runtime: str
    platform: str
    runs_anew: bool
    """Whether a killed bridge's jobs are run again; otherwise they continue."""

    longest_life_s: float
    """How long a bridge runs at most before it is killed, in seconds."""

    def running(self) -> AbstractAsyncContextManager[None]:
        """Run the lab while the context is open; remove everything afterwards."""
        ...

    def bridges(self) -> list[Process]:
        """Return two replicas of the bridge."""
        ...

    async def definition(self, storage: Storage, number: int) -> dict[str, Any]:
        """Return the definition of a job with one test; jobs are numbered from 0."""
        ...

    async def runs(self, nodes: list[str]) -> Counter[str]:
        """Count how often each node's job was started; `nodes` are in order of jobs."""
        ...

    async def leftovers(self) -> list[str]:
        """Return the names of whatever still runs or is held."""
        ...


def replicas(site: Site, name: str, *own: dict[str, str]) -> list[Process]:
    """Return two replicas of a bridge, with the same settings or each with its own."""
    first, second = own * 2 if len(own) == 1 else own
    return [
        _replica(service_part(site, name), first),
        _replica(service_part(site, name, "-2"), second),
    ]


def _replica(part: Process, own: dict[str, str]) -> Process:
    env = {**part.env, "KCI_LEASE": str(LEASE_S), **own}
    return Process(part.name, part.command, env, health=part.health)


async def upload_images(storage: Storage) -> dict[str, str]:
    """Store a kernel that boots; return its files' URLs."""
    images = make_images(IMAGES)
    files = {"kernel": images.kernel, "ramdisk": images.ramdisk}
    return {name: await storage.put_file(file) for name, file in files.items()}


@asynccontextmanager
async def set_up(module: str, *state: Path) -> AsyncIterator[dict[str, Any]]:
    """Run a lab of tests/labs while the context is open; yield its description."""
    try:
        description: dict[str, Any] = json.loads(await call(module, "up", *state))
        yield description
    finally:
        await call(module, "down", *state)


async def call(module: str, *arguments: str | Path) -> bytes:
    """Run a module to its end; return its output."""
    command = [sys.executable, "-m", module, *arguments]
    process = await asyncio.create_subprocess_exec(*command, stdout=PIPE)
    output, _ = await process.communicate()
    if process.returncode:
        raise CalledProcessError(process.returncode, command)
    return output

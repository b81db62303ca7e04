# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the drill needs of a lab: its bridges, its jobs, and the truth of both."""

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
"""Where the kernel lies that all jobs boot."""
LEASE_S = 5


class Lab(Protocol):
    """A lab that knows, whatever a bridge says, what it ran."""

    runtime: str
    platform: str
    runs_anew: bool
    """Whether a killed bridge's job begins anew; else it goes on without the bridge."""

    longest_life_s: float
    """How long a bridge lives at most before it is killed."""

    def running(self) -> AbstractAsyncContextManager[None]:
        """Run the lab as long as the block lasts; nothing is left of it then."""
        ...

    def bridges(self) -> list[Process]:
        """Say how two replicas of the bridge are run."""
        ...

    async def definition(self, storage: Storage, number: int) -> dict[str, Any]:
        """Describe a job of one test; they are numbered from 0."""
        ...

    async def runs(self, nodes: list[str]) -> Counter[str]:
        """Count how often the job of each node began; `nodes` are in jobs' order."""
        ...

    async def leftovers(self) -> list[str]:
        """Name what is still at work, or taken."""
        ...


def replicas(site: Site, name: str, *own: dict[str, str]) -> list[Process]:
    """Say how two replicas of a bridge are run, both or each with its own settings."""
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
async def set_up(script: Path, *state: Path) -> AsyncIterator[dict[str, Any]]:
    """Run a lab that a script makes; yield what that says of it."""
    try:
        about: dict[str, Any] = json.loads(await call(script, "up", *state))
        yield about
    finally:
        await call(script, "down", *state)


async def call(script: Path, *arguments: str | Path) -> bytes:
    """Run a script to its end; return what it printed."""
    command = [sys.executable, script, *arguments]
    process = await asyncio.create_subprocess_exec(*command, stdout=PIPE)
    said, _ = await process.communicate()
    if process.returncode:
        raise CalledProcessError(process.returncode, command)
    return said

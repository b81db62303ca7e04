# SPDX-License-Identifier: LGPL-2.1-or-later
"""A real labgrid with two boards, whose whole console output is kept."""

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from drill.bridges.lab import replicas, upload_images
from kci_fakes.lab.board import CONSOLE
from kci_labgrid_bridge.coordinator import Coordinator
from kci_local import labgrid
from kci_local.processes import Process, Processes
from kci_local.site import Site
from kci_shared.storage import Storage

BOARDS = ["board-1", "board-2"]
PRINTS = "echo job-$(({} + 0))-ran"
"""What is typed is echoed on the console, but does not match `PRINTED`."""
PRINTED = re.compile(rb"job-(\d+)-ran")
START_S = 60


class LabgridDrill:
    """Boots a board for each job; a job of a killed bridge boots again."""

    runtime = "lab-demo"
    platform = labgrid.PLATFORM
    runs_anew = True
    longest_life_s = 120.0

    def __init__(self, site: Site) -> None:
        self._site = site
        self._images: dict[str, str] = {}

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run coordinator, exporter and boards."""
        processes, parts = Processes(self._site.state), self._parts()
        try:
            for part in parts:
                await processes.start(part)
                await processes.until_ready(part)
            async with self._coordinator() as lab, asyncio.timeout(START_S):
                while not all(place.is_available for place in lab.places()):
                    await asyncio.sleep(0.1)
            yield
        finally:
            for part in reversed(parts):
                await processes.stop(part.name)

    def _parts(self) -> list[Process]:
        return labgrid.lab_parts(self._site, BOARDS)

    def _coordinator(self) -> AbstractAsyncContextManager[Coordinator]:
        return Coordinator.connect(self._site.address("coordinator"), "drill/looks")

    def bridges(self) -> list[Process]:
        """Return replicas that both use both boards."""
        return replicas(self._site, "labgrid-bridge", {})

    async def definition(self, storage: Storage, number: int) -> dict[str, Any]:
        """Boot, and print the job's number."""
        self._images = self._images or await upload_images(storage)
        tests = [{"id": "prints", "run": PRINTS.format(number)}]
        return {"artifacts": self._images, "tests": tests, "timeout": 300}

    async def runs(self, nodes: list[str]) -> Counter[str]:
        """Count how often each job's number was printed on a board."""
        consoles = [self._site.board(name) / CONSOLE for name in BOARDS]
        printed = [
            PRINTED.findall(file.read_bytes()) for file in consoles if file.exists()
        ]
        return Counter(nodes[int(number)] for one in printed for number in one)

    async def leftovers(self) -> list[str]:
        """Return places that are acquired or reserved, and boards that are powered."""
        async with self._coordinator() as lab:
            taken = [f"place {p.name}" for p in lab.places() if p.holder]
            booked = await lab.reservations(f"{self.runtime}/")
        powered = await labgrid.count_powered(self._site, len(BOARDS))
        machines = [f"{powered} boards are on"] if powered else []
        return [*taken, *(f"booking {token}" for token, _ in booked), *machines]

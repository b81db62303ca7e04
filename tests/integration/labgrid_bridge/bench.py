# SPDX-License-Identifier: LGPL-2.1-or-later
"""A bridge to a real labgrid with two boards of QEMU, and jobs to run there.

One board is behind a relay, the other one is started by labgrid itself.
"""

import asyncio
import itertools
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import httpx

from kci_fakes.jobs import a_job_node
from kci_fakes.lab.images import Images
from kci_labgrid_bridge.coordinator import Coordinator
from kci_labgrid_bridge.dialect import LabgridLab
from kci_labgrid_bridge.lab_file import SHIPPED, Device, Lab, read_lab
from kci_labgrid_bridge.rules import Place
from kci_local import labgrid
from kci_local.processes import Processes
from kci_local.site import Site
from kci_shared.models import Definition, Node, TestStep
from kci_shared.work import LabJob, RunOutcome
from kci_shared.work.workspace import Workspace

IMAGES = Path(__file__).parents[3] / "var" / "cache"
RUNTIME = "lab-test"
NETBOOT = "netboot-x86_64"
QEMU = "qemu-x86_64"

NUMBERS = itertools.count(1)


async def start_lab(site: Site) -> None:
    """Start what does not run, and make the places that are missing."""
    processes = Processes(site.state)
    for part in labgrid.lab_parts(site, ["board-1"]):
        await processes.start(part)
        await processes.until_ready(part)
    async with Coordinator.connect(site.address("coordinator"), "test/up") as lab:
        while not any(
            one.name == "board-1" and one.tags and one.is_available
            for one in lab.places()
        ):
            await asyncio.sleep(0.1)
    await labgrid_client(site, "-p", "qemu-1", "create")
    await labgrid_client(site, "-p", "qemu-1", "set-tags", f"device={QEMU}")


async def stop_lab(site: Site) -> None:
    processes = Processes(site.state)
    for name in reversed(processes.running()):
        await processes.stop(name)


async def labgrid_client(site: Site, *command: str) -> None:
    """Run labgrid-client, as a person would."""
    program = str(labgrid.BIN / "labgrid-client")
    address = site.address("coordinator")
    process = await asyncio.create_subprocess_exec(program, "-x", address, *command)
    await process.wait()


@dataclass(frozen=True)
class Bench:
    """A bridge's view of the lab, and jobs to run there."""

    site: Site
    images: Images
    runs: Path
    open: ExitStack
    workspace: Workspace
    runtime: str = RUNTIME

    @cached_property
    def lab(self) -> Lab:
        lab = read_lab(labgrid.write_lab_file(self.site))
        qemu = Device(tags={"device": QEMU}, env=SHIPPED / f"{QEMU}.yaml")
        return lab.model_copy(update={"devices": {**lab.devices, QEMU: qemu}})

    @cached_property
    def dialect(self) -> LabgridLab:
        return LabgridLab(self.lab, self.runtime, self.runs)

    @property
    def kernel_only(self) -> dict[str, Path]:
        return {"kernel": self.images.kernel}

    def job(
        self, *tests: TestStep, platform: str = NETBOOT, limit: float = 300
    ) -> LabJob:
        node = new_node(platform, list(tests), limit)
        return LabJob(
            node=node,
            attempt=1,
            folder=self.open.enter_context(self.workspace.run(node.id, 1)),
            images={**self.kernel_only, "ramdisk": self.images.ramdisk},
        )

    async def run(self, job: LabJob) -> RunOutcome:
        return await self.dialect.wait(job, await self.dialect.submit(job))

    async def run_until(self, job: LabJob, text: str) -> asyncio.Task[RunOutcome]:
        """Run a job until its console shows a text; return the rest of the run."""
        handle = await self.dialect.submit(job)
        running = asyncio.create_task(self.dialect.wait(job, handle))
        await self.console_says(text, job.id)
        return running

    async def console_says(self, text: str, node_id: str) -> None:
        while not any(
            text in console.read_text(errors="replace")
            for console in self.runs.glob(f"life-*/{node_id}-*/console.log")
        ):
            await asyncio.sleep(0.1)

    async def start_bridge(
        self, test: TestStep
    ) -> tuple[str, asyncio.subprocess.Process]:
        """Start another bridge, which runs just one job; return it and the job's id."""
        node = new_node(NETBOOT, [test], limit=300)
        lab_file, node_file = self.runs / "lab.yaml", self.runs / "node.json"
        lab_file.write_text(self.lab.model_dump_json())
        node_file.write_text(node.model_dump_json())
        script = Path(__file__).with_name("bridge_to_kill.py")
        bridge = await asyncio.create_subprocess_exec(
            sys.executable,
            str(script),
            str(lab_file),
            self.runtime,
            str(self.runs),
            str(node_file),
            str(self.images.kernel),
            str(self.images.ramdisk),
        )
        return node.id, bridge

    def break_board(self, fault: str) -> None:
        (self.site.board("board-1") / fault).touch()

    async def labgrid_client(self, *command: str) -> None:
        await labgrid_client(self.site, *command)

    async def kill_coordinator(self) -> None:
        await Processes(self.site.state).kill("coordinator")

    async def restart_lab(self) -> None:
        await start_lab(self.site)

    async def places(self) -> dict[str, Place]:
        address = self.site.address("coordinator")
        async with Coordinator.connect(address, "test/looks") as coordinator:
            return {place.name: place for place in coordinator.places()}

    async def is_queued(self) -> bool:
        """Return whether a job of ours waits for a place."""
        address = self.site.address("coordinator")
        async with Coordinator.connect(address, "test/looks") as coordinator:
            return bool(await coordinator.reservations(f"{self.runtime}/"))

    async def is_powered(self) -> bool:
        url = f"{self.site.url('relay')}/relay/0"
        async with httpx.AsyncClient(trust_env=False) as http:
            return (await http.get(url)).text == "1"


def new_node(platform: str, tests: list[TestStep], limit: float) -> Node:
    """Return the node of a new job."""
    artifacts = {"kernel": "http://storage/kernel"}
    definition = Definition(artifacts=artifacts, tests=tests, timeout=limit)
    return a_job_node(
        f"{next(NUMBERS):024x}",
        runtime=RUNTIME,
        platform=platform,
        definition=definition.model_dump(),
    )

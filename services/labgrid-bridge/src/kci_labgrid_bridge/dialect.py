# SPDX-License-Identifier: LGPL-2.1-or-later
"""A labgrid lab as bridges see it."""

import asyncio
import re
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from kci_labgrid_bridge.booking import booked, give_back
from kci_labgrid_bridge.coordinator import Coordinator
from kci_labgrid_bridge.execution import Execution
from kci_labgrid_bridge.lab import Lab
from kci_labgrid_bridge.rest import Rest
from kci_labgrid_bridge.rules import (
    Place,
    count_free,
    count_good,
    fitting,
    probe_device,
)
from kci_labgrid_bridge.run import environment, kill_leftovers, power_off
from kci_shared.lab import LabError, NoDevice
from kci_shared.logging import get_logger
from kci_shared.work import BadJob, Dialect, LabJob, RunOutcome
from kci_shared.work.probes import Probe, bad, good
from kci_shared.work.workspace import left_behind

log = get_logger(__name__)


class LabgridDialect(Dialect):
    """Runs each job in a process of its own, on a place that is held for it alone.

    A place's holder is `runtime/node id-attempt-...`, which ends as the run's folder
    does: so labgrid shows which job has a board, and whoever comes after a bridge that
    was killed takes for dead only what has no folder of a living one.
    """

    kind = "labgrid"

    def __init__(self, lab: Lab, runtime: str, runs: Path) -> None:
        self._lab = lab
        self._runtime = runtime
        self._runs = runs.resolve()
        self._executions: dict[str, Execution] = {}
        self._places: list[Place] = []
        self._rest = Rest()
        self._turn = asyncio.Lock()
        # node id, attempt, and what makes a folder's name new
        self._run = re.compile(rf"{re.escape(runtime)}/[0-9a-f]{{24}}-\d+-\w{{8}}")

    async def slots(self) -> dict[str, int]:
        """Count the places that are free and whose resources are there."""
        async with self._connect("slots") as coordinator:
            self._places = self._rest.mark(coordinator.places())
        return {
            platform: count_free(self._places, self._lab.tags_of(platform))
            for platform in self._lab.devices
        }

    def capacity(self) -> dict[str, int]:
        """Count the places whose resources are there, whoever has them."""
        return {
            platform: count_good(self._places, self._lab.tags_of(platform))
            for platform in self._lab.devices
        }

    async def submit(self, job: LabJob) -> str:
        """Book a place for a job, queueing for it, and start its runner."""
        handle = f"{self._runtime}/{job.folder.name}"
        if handle not in self._executions:
            platform = self._platform(job)
            tags = self._lab.tags_of(platform)
            address = self._lab.coordinator
            place = booked(address, handle, tags, self._rest, self._turn)
            self._executions[handle] = Execution(self._lab, job, platform, place)
        try:
            await self._executions[handle].started()
        except BaseException:
            await self.cancel(handle)
            raise
        return handle

    def _platform(self, job: LabJob) -> str:
        platform = job.platform
        if platform not in self._lab.devices:
            known = ", ".join(self._lab.devices)
            raise NoDevice(f"this lab has no {platform}, but {known}")
        if "kernel" not in job.images:
            raise BadJob("data.definition.artifacts: add a kernel")
        return platform

    async def wait(self, job: LabJob, handle: str) -> RunOutcome:
        """Wait until a job has ended and its board is given back."""
        if handle not in self._executions:
            raise LabError(f"{handle} is gone")
        outcome = await self._executions[handle].outcome()
        self._executions.pop(handle, None)
        self._rest.judge(outcome)
        return outcome

    async def cancel(self, handle: str) -> None:
        """Stop a job; its board is powered off and given back."""
        if execution := self._executions.get(handle):
            await execution.stop()
            self._executions.pop(handle, None)

    async def recover(self) -> dict[str, str]:
        """Free the places that a bridge held when it was killed; its jobs run again."""
        dead = left_behind(self._runs)
        kill_leftovers(dead)
        async with self._connect("recovery") as coordinator:
            reserved = await coordinator.reservations(f"{self._runtime}/")
            places = coordinator.places()
            alive = self._alive(dead)  # last: a run has a folder before it has a place
            for owner, token in reserved:
                if self._is_dead(owner, alive):
                    await give_back(coordinator, owner, token, None)
            for place in places:
                holder = place.holder or ""
                if self._is_dead(holder, alive) and coordinator.has(holder, place.name):
                    await self._free(coordinator, holder, place)
        return {}

    def _is_dead(self, owner: str, alive: set[str]) -> bool:
        """Tell a run of ours that is over from others', and from people's sessions."""
        return self._run.fullmatch(owner) is not None and owner not in alive

    def _alive(self, dead: list[Path]) -> set[str]:
        """Name the holders that are runs of bridges that live."""
        runs = self._runs.glob("life-*/*")
        return {f"{self._runtime}/{run.name}" for run in runs if run.parent not in dead}

    async def _free(self, coordinator: Coordinator, holder: str, place: Place) -> None:
        """Power a place off that a dead bridge held, and give it back."""
        for platform, device in self._lab.devices.items():
            if fitting([place], self._lab.tags_of(platform)):
                variables = environment(self._lab, holder, place.name)
                await power_off(device.env, variables)
                break
        await give_back(coordinator, holder, None, place.name)
        log.info("left-over place freed", place=place.name, job_id=holder)

    async def check(self) -> list[Probe]:
        """Try the coordinator, and whether each device has a place that works."""
        address = self._lab.coordinator
        try:
            async with self._connect("check") as coordinator:
                places = coordinator.places()
        except LabError as error:
            advice = "start labgrid-coordinator, or correct `coordinator` in the file"
            return [bad("coordinator", str(error), advice)]
        return [
            good("coordinator", f"{address} answers, and has {len(places)} places"),
            *(
                probe_device(platform, places, self._lab.tags_of(platform))
                for platform in self._lab.devices
            ),
        ]

    def _connect(self, what: str) -> AbstractAsyncContextManager[Coordinator]:
        return Coordinator.connect(self._lab.coordinator, f"{self._runtime}/{what}")

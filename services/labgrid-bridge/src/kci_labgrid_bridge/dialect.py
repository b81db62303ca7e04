# SPDX-License-Identifier: LGPL-2.1-or-later
"""A labgrid lab as a dialect: jobs run in processes of this machine."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from importlib.metadata import version
from pathlib import Path

from kci_labgrid_bridge.booking import booked, give_back
from kci_labgrid_bridge.coordinator import Coordinator, NoCoordinator
from kci_labgrid_bridge.execution import Execution
from kci_labgrid_bridge.lab_file import Lab
from kci_labgrid_bridge.resting import Resting
from kci_labgrid_bridge.rules import (
    Place,
    count_available,
    count_free,
    fitting,
    probe_device,
)
from kci_labgrid_bridge.run import environment, kill_leftovers, power_off
from kci_shared.channels import About, Channel, Sighting
from kci_shared.errors import ChannelDown
from kci_shared.lab import LabError, NoDevice
from kci_shared.logging import get_logger
from kci_shared.work import BadJob, Dialect, LabJob, RunOutcome
from kci_shared.work.probes import Probe, bad, good
from kci_shared.work.workspace import left_behind

log = get_logger(__name__)


class LabgridLab(Dialect):
    """Runs each job in a process of its own, on a place that is acquired for it.

    A place's holder is `runtime/` and the name of the run's folder. So labgrid shows
    which job has a board, and after a crash a place is freed only if no living bridge
    has a folder of that name.
    """

    kind = "labgrid"

    def __init__(
        self,
        lab: Lab,
        runtime: str,
        runs: Path,
        read: Callable[[], Lab] | None = None,
    ) -> None:
        """Run jobs of a lab; `read` is called again while it cannot be used."""
        self._read = read
        self._lab = lab
        self._runtime = runtime
        self._runs = runs.resolve()
        self._executions: dict[str, Execution] = {}
        self._places: list[Place] = []
        self._resting = Resting()
        about = About("labgrid", url="`coordinator` in KCI_LAB", credentials="KCI_LAB")
        self._channel = Channel(about, self._probe)
        self._choosing = asyncio.Lock()
        # node id, attempt, and the random end of a folder's name
        self._owner = re.compile(rf"{re.escape(runtime)}/[0-9a-f]{{24}}-\d+-\w{{8}}")

    def serving(self) -> AbstractAsyncContextManager[None]:
        """Watch the channel to the coordinator for as long as the bridge runs."""
        return self._channel.opened()

    async def _probe(self) -> None:
        if self._read is not None:
            address = (await asyncio.to_thread(self._read)).coordinator
            self._lab = self._lab.model_copy(update={"coordinator": address})
        async with Coordinator.connect(self._lab.coordinator, self._name("probe")):
            pass

    async def slots(self) -> dict[str, int]:
        """Count the free places, per platform."""
        async with self._connect("slots") as coordinator:
            self._places = self._resting.mark(coordinator.places())
        return {
            platform: count_free(self._places, self._lab.tags_of(platform))
            for platform in self._lab.devices
        }

    def capacity(self) -> dict[str, int]:
        """Count the available places, busy or not, per platform."""
        return {
            platform: count_available(self._places, self._lab.tags_of(platform))
            for platform in self._lab.devices
        }

    def facts(self) -> dict[str, str]:
        """Return the version of labgrid that this bridge uses."""
        return {"labgrid": version("labgrid")}

    async def submit(self, job: LabJob) -> str:
        """Wait for a place, acquire it, and start the job's runner."""
        handle = f"{self._runtime}/{job.folder.name}"
        if handle not in self._executions:
            platform = self._platform(job)
            tags = self._lab.tags_of(platform)
            address = self._lab.coordinator
            place = booked(address, handle, tags, self._resting, self._choosing)
            self._executions[handle] = Execution(self._lab, job, platform, place)
        try:
            with self._in_channel():
                await self._executions[handle].started()
        except BaseException:
            await self.cancel(handle)
            raise
        return handle

    def _platform(self, job: LabJob) -> str:
        platform = job.platform
        if platform not in self._lab.devices:
            platforms = ", ".join(self._lab.devices)
            raise NoDevice(f"this lab has no {platform}: it has {platforms}")
        if "kernel" not in job.images:
            raise BadJob("data.definition.artifacts: add a kernel")
        return platform

    async def wait(self, job: LabJob, handle: str) -> RunOutcome:
        """Wait until a job has ended and its place is released."""
        if handle not in self._executions:
            raise LabError(f"job {handle} no longer exists")
        outcome = await self._executions[handle].outcome()
        self._executions.pop(handle, None)
        self._resting.note(outcome)
        return outcome

    async def cancel(self, handle: str) -> None:
        """Stop a job; its board is powered off and released."""
        if execution := self._executions.get(handle):
            await execution.stop()
            self._executions.pop(handle, None)

    async def recover(self) -> dict[str, str]:
        """Free the places of bridges that were killed; their jobs are claimed again."""
        dead = left_behind(self._runs)
        kill_leftovers(dead)
        async with self._connect("recovery") as coordinator:
            reserved = await coordinator.reservations(f"{self._runtime}/")
            places = coordinator.places()
            alive = self._alive(dead)  # after places: a run has its folder first
            for owner, token in reserved:
                if self._is_dead(owner, alive):
                    await give_back(coordinator, owner, token, None)
            for place in places:
                holder = place.holder or ""
                if self._is_dead(holder, alive) and coordinator.has(holder, place.name):
                    await self._free(coordinator, holder, place)
        return {}

    def _is_dead(self, owner: str, alive: set[str]) -> bool:
        """Return whether an owner is a dead run of this runtime, and not a person."""
        return self._owner.fullmatch(owner) is not None and owner not in alive

    def _alive(self, dead: list[Path]) -> set[str]:
        """Return the owners that are runs of living bridges."""
        runs = self._runs.glob("life-*/*")
        return {f"{self._runtime}/{run.name}" for run in runs if run.parent not in dead}

    async def _free(self, coordinator: Coordinator, holder: str, place: Place) -> None:
        """Power off and release a place that a dead bridge held."""
        for platform, device in self._lab.devices.items():
            if fitting([place], self._lab.tags_of(platform)):
                variables = environment(self._lab, holder, place.name)
                await power_off(device.env, variables)
                break
        await give_back(coordinator, holder, None, place.name)
        log.info("left-over place freed", place=place.name, job_id=holder)

    async def check(self) -> list[Probe]:
        """Try the coordinator, and whether each platform has an available place."""
        address = self._lab.coordinator
        try:
            async with self._connect("check") as coordinator:
                places = coordinator.places()
        except (LabError, ChannelDown) as error:
            advice = "start labgrid-coordinator, or correct `coordinator` in the file"
            return [bad("coordinator", str(error), advice)]
        return [
            good("coordinator", f"{address} answers, and has {len(places)} places"),
            *(
                probe_device(platform, places, self._lab.tags_of(platform))
                for platform in self._lab.devices
            ),
        ]

    @asynccontextmanager
    async def _connect(self, what: str) -> AsyncIterator[Coordinator]:
        self._channel.require()
        connection = Coordinator.connect(self._lab.coordinator, self._name(what))
        with self._in_channel():
            async with connection as coordinator:
                yield coordinator

    def _name(self, what: str) -> str:
        return f"{self._runtime}/{what}"

    @contextmanager
    def _in_channel(self) -> Iterator[None]:
        try:
            yield
        except NoCoordinator as error:
            raise self._channel.fault(Sighting.NO_CONNECTION, str(error)) from error

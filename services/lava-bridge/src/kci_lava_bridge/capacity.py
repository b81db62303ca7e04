# SPDX-License-Identifier: LGPL-2.1-or-later
"""How many more jobs LAVA should get: its devices, less the jobs that wait."""

import time
from collections import Counter
from collections.abc import Iterable

from kci_lava_bridge.answers import Device, Worker
from kci_lava_bridge.lab_file import Device as OurDevice
from kci_lava_bridge.lab_file import Lab
from kci_lava_bridge.lava import Lava
from kci_shared.work.probes import Probe, bad, good

USABLE = {"Good", "Unknown"}
"""LAVA schedules jobs on both; it sets Unknown after its own errors."""
CACHE_S = 10.0
"""How long an answer is used; jobs submitted since are subtracted."""


def usable(
    devices: Iterable[Device], workers: Iterable[Worker], tags: set[int | None]
) -> list[Device]:
    """Return the devices on which LAVA may schedule a job with these tags."""
    up = {
        worker.hostname
        for worker in workers
        if worker.state == "Online" and worker.health == "Active"
    }
    return [
        device
        for device in devices
        if device.health in USABLE
        and device.worker_host in up
        and tags <= set(device.tags)
    ]


def room(devices: list[Device], queued: int, depth: float) -> int:
    """Return how many jobs to submit: one per idle device, and `depth` per device."""
    idle = sum(device.state == "Idle" for device in devices)
    return max(0, idle + int(depth * len(devices)) - queued) if devices else 0


def probe_device(
    platform: str, ours: OurDevice, of_kind: list[Device], fit: list[Device]
) -> Probe:
    """Return whether jobs of a platform can be scheduled."""
    if not of_kind:
        message = f"LAVA shows us no device of type {ours.type}"
        advice = "correct `type` in the lab's file, or let our user see the device"
        return bad(platform, message, advice)
    devices = ", ".join(
        f"{device.hostname} ({device.health}, {device.state})" for device in of_kind
    )
    if not fit:
        tags = f" with the tags {', '.join(ours.tags)}" if ours.tags else ""
        message = f"none is for us{tags}: {devices}"
        advice = "LAVA needs a Good or Unknown device, with its worker online"
        return bad(platform, message, advice)
    return good(platform, f"{len(fit)} of {len(of_kind)} are for us: {devices}")


class Capacity:
    """The free slots of each platform; LAVA is queried every few seconds at most."""

    def __init__(self, lab: Lab, lava: Lava) -> None:
        self._lab = lab
        self._lava = lava
        self.devices: dict[str, int] = {}
        """How many usable devices each platform has, busy or not."""
        self._room: dict[str, int] = {}
        self._queried: float | None = None
        self._since: Counter[str] = Counter()

    async def slots(self) -> dict[str, int]:
        """Return how many more jobs of each platform to submit."""
        now = time.monotonic()
        if self._queried is None or now - self._queried > CACHE_S:
            self._since.clear()
            self._room = await self._query()
            self._queried = now
        return {
            platform: max(0, count - self._since[self._lab.devices[platform].type])
            for platform, count in self._room.items()
        }

    def take(self, device: OurDevice) -> None:
        """Count a job that was submitted since LAVA was queried."""
        self._since[device.type] += 1

    async def check(self) -> list[Probe]:
        """Return for each platform whether LAVA has a device for it."""
        return [
            probe_device(platform, self._lab.devices[platform], of_kind, fit)
            for platform, _, of_kind, fit in await self._devices()
        ]

    async def _devices(self) -> list[tuple[str, str, list[Device], list[Device]]]:
        """Return each platform, its type, the type's devices, and the usable ones."""
        lava = self._lava
        devices, workers = await lava.devices(), await lava.workers()
        aliases, tags = await lava.aliases(), await lava.tags()
        platforms = []
        for platform, ours in self._lab.devices.items():
            kind = aliases.get(ours.type, ours.type)
            of_kind = [device for device in devices if device.device_type == kind]
            tag_ids = {tags.get(tag) for tag in ours.tags}  # None: an unknown tag
            fit = usable(of_kind, workers, tag_ids)
            platforms.append((platform, kind, of_kind, fit))
        return platforms

    async def _query(self) -> dict[str, int]:
        queued: dict[str, int] = {}
        slots: dict[str, int] = {}
        for platform, kind, _, fit in await self._devices():
            if kind not in queued:
                queued[kind] = await self._lava.count_queued(kind)
            self.devices[platform] = len(fit)
            slots[platform] = room(fit, queued[kind], self._lab.depth)
        return slots

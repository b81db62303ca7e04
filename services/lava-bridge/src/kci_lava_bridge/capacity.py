# SPDX-License-Identifier: LGPL-2.1-or-later
"""How much room LAVA has: its devices, and what waits for them."""

import time
from collections import Counter
from collections.abc import Iterable

from kci_lava_bridge.lab import Device as OurDevice
from kci_lava_bridge.lab import Lab
from kci_lava_bridge.lava import Device, Lava, Worker
from kci_shared.work.probes import Probe, bad, good

USABLE = {"Good", "Unknown"}
"""LAVA gives jobs to both, and sets the second after each trouble of its own."""
KEPT_SECONDS = 10.0
"""How long an answer is good for; what was submitted since is counted here."""


def usable(
    devices: Iterable[Device], workers: Iterable[Worker], tags: set[int | None]
) -> list[Device]:
    """Return those devices to which LAVA may give a job with these tags."""
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
    """Tell how many jobs may come: for each idle device one, and some that wait."""
    idle = sum(device.state == "Idle" for device in devices)
    return max(0, idle + int(depth * len(devices)) - queued) if devices else 0


def probe_device(
    platform: str, ours: OurDevice, of_kind: list[Device], fit: list[Device]
) -> Probe:
    """Tell whether jobs of a platform find a device."""
    if not of_kind:
        said = f"LAVA shows us no device of type {ours.type}"
        advice = "correct `type` in the lab's file, or let our user see the device"
        return bad(platform, said, advice)
    said = ", ".join(
        f"{device.hostname} ({device.health}, {device.state})" for device in of_kind
    )
    if not fit:
        tags = f" with the tags {', '.join(ours.tags)}" if ours.tags else ""
        said = f"none is for us{tags}: {said}"
        advice = "LAVA gives jobs to Good and Unknown devices of workers that are up"
        return bad(platform, said, advice)
    return good(platform, f"{len(fit)} of {len(of_kind)} are for us: {said}")


class Capacity:
    """The room for each platform, asked for every few seconds at most."""

    def __init__(self, lab: Lab, lava: Lava) -> None:
        self._lab = lab
        self._lava = lava
        self.devices: dict[str, int] = {}
        """Of each platform those that LAVA may give jobs to, busy or not."""
        self._room: dict[str, int] = {}
        self._asked: float | None = None
        self._since: Counter[str] = Counter()

    async def slots(self) -> dict[str, int]:
        """Tell how many jobs could come now, for each platform."""
        now = time.monotonic()
        if self._asked is None or now - self._asked > KEPT_SECONDS:
            self._since.clear()
            self._room = await self._ask()
            self._asked = now
        return {
            platform: max(0, count - self._since[self._lab.devices[platform].type])
            for platform, count in self._room.items()
        }

    def take(self, device: OurDevice) -> None:
        """Count a job that LAVA has got since it was asked."""
        self._since[device.type] += 1

    async def check(self) -> list[Probe]:
        """Tell of each platform whether LAVA has a device for it."""
        return [
            probe_device(platform, self._lab.devices[platform], of_kind, fit)
            for platform, _, of_kind, fit in await self._found()
        ]

    async def _found(self) -> list[tuple[str, str, list[Device], list[Device]]]:
        """Return each platform, its type, the type's devices, and those for us."""
        lava = self._lava
        devices, workers = await lava.devices(), await lava.workers()
        aliases, tags = await lava.aliases(), await lava.tags()
        found = []
        for platform, ours in self._lab.devices.items():
            kind = aliases.get(ours.type, ours.type)
            of_kind = [device for device in devices if device.device_type == kind]
            wanted = {tags.get(tag) for tag in ours.tags}  # None: there is no such tag
            found.append((platform, kind, of_kind, usable(of_kind, workers, wanted)))
        return found

    async def _ask(self) -> dict[str, int]:
        queued: dict[str, int] = {}
        found: dict[str, int] = {}
        for platform, kind, _, fit in await self._found():
            if kind not in queued:
                queued[kind] = await self._lava.count_queued(kind)
            self.devices[platform] = len(fit)
            found[platform] = room(fit, queued[kind], self._lab.depth)
        return found

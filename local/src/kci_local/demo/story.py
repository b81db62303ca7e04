# SPDX-License-Identifier: LGPL-2.1-or-later
"""The demo's story: a good kernel, one that panics, and a lab whose power is broken."""

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path

from rich.markup import escape

from kci_local.demo.evidence import Collector, Evidence
from kci_local.demo.expectations import (
    BOOTED,
    BROKEN_LAB,
    CLOSED,
    GOOD,
    PANIC,
    PANICKED,
    REPAIRED_LAB,
    TESTED,
    Expectation,
    unmet,
)
from kci_local.demo.outside import OutsideCi, Submission, revision_of
from kci_local.demo.timeline import Timeline
from kci_local.lab.images import Images
from kci_local.lab.labgrid import BOARDS
from kci_local.site import Site

PATIENCE = 150.0
"""How long a revision may take, in seconds: QEMU is slow on a busy machine."""
LOOK = 1.0
"""Between two looks while nothing is told, in seconds: mails come without an event."""
SETTLE = 0.5
"""After all is as expected: how long to wait for what should not come, in seconds."""


class Disappointed(Exception):
    """Something that must hold does not; the text lists what."""


@dataclass(frozen=True)
class Story:
    """Who takes part."""

    site: Site
    outside: OutsideCi
    collector: Collector
    timeline: Timeline
    images: Images

    async def tell(self, branch: str) -> list[Evidence]:
        """Tell all three chapters; raise `Disappointed` if one ends otherwise."""
        self._repair_power()
        good = await self._good_kernel(branch)
        # while one board still tests revision 1, the other boots revision 2
        panic = await self._kernel_that_panics(branch)
        chapters = await asyncio.gather(
            self.until(GOOD, good),
            self.until(PANIC, panic),
            self._broken_lab(branch, good),
        )
        return list(chapters)

    async def _good_kernel(self, branch: str) -> Submission:
        async with self.timeline.step("revision 1: a kernel that works"):
            submission = await self.submit(branch, 1, with_ramdisk=True)
            await self.until(BOOTED, submission)
            return submission

    async def _kernel_that_panics(self, branch: str) -> Submission:
        async with self.timeline.step("revision 2: no initramfs, so it panics"):
            submission = await self.submit(branch, 2, with_ramdisk=False)
            await self.until(PANICKED, submission)
            return submission

    async def _broken_lab(self, branch: str, good: Submission) -> Evidence:
        await self.until(TESTED, good)  # a board without power would hinder it
        async with self.timeline.step("revision 3: the boards' power is broken"):
            for fault in self._power_faults:
                fault.touch()
            submission = await self.submit(branch, 3, with_ramdisk=True)
            await self.until(BROKEN_LAB, submission)
        async with self.timeline.step("revision 3: the power is repaired"):
            self._repair_power()
            return await self.until(REPAIRED_LAB, submission)

    async def submit(
        self, branch: str, number: int, *, with_ramdisk: bool
    ) -> Submission:
        """Have the outside CI submit the `number`-th commit of a branch."""
        images = self.images
        files = {"kernel": images.kernel, "_config": images.config}
        if with_ramdisk:
            files["ramdisk"] = images.ramdisk
        revision = revision_of(images.release, branch, number)
        submission = await self.outside.submit(revision, files)
        self.timeline.say(
            f"submitted {escape(revision.short)}; nobody pushes from here"
        )
        return submission

    async def until(
        self, expectations: list[Expectation], submission: Submission
    ) -> Evidence:
        """Wait until all expectations hold, and still hold a moment later."""
        deadline = time.monotonic() + PATIENCE
        while True:
            evidence = await self.collector.collect(submission)
            missing = unmet(expectations, evidence)
            if not missing:
                break
            if time.monotonic() > deadline:
                raise Disappointed(f"after {PATIENCE:.0f} s: not so: {missing}")
            await self.timeline.news(within=LOOK)
        if CLOSED in expectations:
            await asyncio.sleep(SETTLE)
            evidence = await self.collector.collect(submission)
            if missing := unmet(expectations, evidence):
                raise Disappointed(f"it did not last: {missing}")
        return evidence

    @property
    def _power_faults(self) -> list[Path]:
        return [self.site.board(name) / "power-fails" for name in BOARDS]

    def _repair_power(self) -> None:
        for fault in self._power_faults:
            fault.unlink(missing_ok=True)

# SPDX-License-Identifier: LGPL-2.1-or-later
"""The demo's story: a good kernel, one that panics, and a lab whose power is broken."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.markup import escape

from kci_demo.evidence import Collector, Evidence
from kci_demo.expectations import (
    BOOTED,
    BROKEN_LAB,
    CLOSED,
    GOOD,
    PANIC,
    REPAIRED_LAB,
    Expectation,
    unmet,
)
from kci_demo.outside import OutsideCi, Submission, revision_of
from kci_demo.timeline import Timeline
from kci_fakes.lab.images import Images
from kci_local.labgrid import BOARDS, count_powered
from kci_local.site import Site
from kci_shared.models import State
from kci_shared.rules.artifacts import CONFIG, KERNEL

TIMEOUT_S = 240.0
"""How long a revision may take: QEMU is slow on a busy machine."""
LOOK_S = 0.4
"""How long to wait for an event before looking again: mails come without one."""
LOOK_AT_BOARDS_S = 0.2
"""How long to wait before the boards are looked at again."""
JOBS_BEFORE = 3
"""Boot and smoke test of revision 1, and the boot of revision 2."""
SETTLE_S = 0.5
"""How long expectations must go on to hold: a mail too many comes late."""


class NotAsExpected(Exception):
    """An expectation is not met; the message lists which."""


@dataclass(frozen=True)
class Story:
    """The outside CI that submits, and the means to see what comes of it."""

    site: Site
    outside: OutsideCi
    collector: Collector
    timeline: Timeline
    images: Images

    async def play(self, branch: str) -> list[Evidence]:
        """Play all three chapters; raise `NotAsExpected` if one ends otherwise."""
        self._repair_power()
        good = await self._good_kernel(branch)
        # one board still tests revision 1 while others boot what comes next
        panic = await self.submit(branch, 2, with_ramdisk=False)
        chapters = await asyncio.gather(
            self.until(GOOD, good),
            self._kernel_that_panics(panic),
            self._broken_lab(branch, good, panic),
        )
        return list(chapters)

    async def _good_kernel(self, branch: str) -> Submission:
        async with self.timeline.step("revision 1: a kernel that works"):
            submission = await self.submit(branch, 1, with_ramdisk=True)
            await self.until(BOOTED, submission)
            return submission

    async def _kernel_that_panics(self, submission: Submission) -> Evidence:
        async with self.timeline.step("revision 2: no initramfs, so it panics"):
            return await self.until(PANIC, submission)

    async def _broken_lab(self, branch: str, *before: Submission) -> Evidence:
        async with self.timeline.step("revision 3: the boards' power is broken"):
            await self._until_powered(before)
            for fault in self._power_faults:
                fault.touch()
            submission = await self.submit(branch, 3, with_ramdisk=True)
            await self.until(BROKEN_LAB, submission)
        async with self.timeline.step("revision 3: the power is repaired"):
            self._repair_power()
            return await self.until(REPAIRED_LAB, submission)

    async def _until_powered(self, submissions: Sequence[Submission]) -> None:
        """Wait until no job of two revisions still needs the power to work."""
        deadline = time.monotonic() + TIMEOUT_S
        while time.monotonic() < deadline:
            seen = [await self.collector.collect(one) for one in submissions]
            jobs = [job for evidence in seen for job in evidence.jobs()]
            to_end = [job for job in jobs if job.state is not State.DONE]
            on = await count_powered(self.site)
            if len(jobs) == JOBS_BEFORE and len(to_end) == on:
                return
            await asyncio.sleep(LOOK_AT_BOARDS_S)
        raise NotAsExpected(f"the boards are not all on after {TIMEOUT_S:.0f} s")

    async def submit(
        self, branch: str, number: int, *, with_ramdisk: bool
    ) -> Submission:
        """Submit the `number`-th commit of a branch, as the outside CI."""
        images = self.images
        files = {KERNEL: images.kernel, CONFIG: images.config}
        if with_ramdisk:
            files["ramdisk"] = images.ramdisk
        revision = revision_of(images.release, branch, number)
        submission = await self.outside.submit(revision, files)
        self.timeline.say(
            f"submitted {escape(revision.short)}; all that follows is automatic"
        )
        return submission

    async def until(
        self, expectations: list[Expectation], submission: Submission
    ) -> Evidence:
        """Wait until all expectations hold, and still hold a moment later."""
        deadline = time.monotonic() + TIMEOUT_S
        while True:
            evidence = await self.collector.collect(submission)
            missing = unmet(expectations, evidence)
            if not missing:
                break
            if time.monotonic() > deadline:
                raise NotAsExpected(f"not met after {TIMEOUT_S:.0f} s: {missing}")
            await self.timeline.news(within=LOOK_S)
        if CLOSED in expectations:
            await asyncio.sleep(SETTLE_S)
            evidence = await self.collector.collect(submission)
            if missing := unmet(expectations, evidence):
                raise NotAsExpected(f"not met any more: {missing}")
        return evidence

    @property
    def _power_faults(self) -> list[Path]:
        return [self.site.board(name) / "power-fails" for name in BOARDS]

    def _repair_power(self) -> None:
        for fault in self._power_faults:
            fault.unlink(missing_ok=True)

# SPDX-License-Identifier: LGPL-2.1-or-later
"""Follows a board through its boots: which phases it reaches, and when it resets."""

import re

from kci_log_parser.boot import PHASES, Boot, Phase
from kci_log_parser.fault_report import Place
from kci_log_parser.lines import clean
from kci_log_parser.starts import STAMP, Reset, Start

FIRST_SECOND = re.compile(rb"\[ *0\.\d+\]")
START_LINES = 20
"""Versions that are printed within so many lines are one start."""


class Boots:
    """Reads the lines that show how far a board came."""

    def __init__(self) -> None:
        self.banner: int | None = None
        """The line on which a kernel first printed its version."""
        self._now = Boot()
        self._first: Start | None = None
        self._again: tuple[Start, Boot] | None = None
        """What may be another start, or the old messages, and how far it came."""
        self._is_reset_expected = False
        self._has_stamps = False
        """A kernel printed something since the last reset."""

    def pass_over(self, text: bytes, start: int, end: int) -> None:
        """Note whether a kernel printed one of the lines that nothing else reads."""
        if not self._has_stamps:
            self._has_stamps = STAMP.search(text, start, end) is not None

    def goes_on(self) -> bool:
        """Return whether there are phases to come."""
        return (self._again[1] if self._again else self._now).login is None

    def reach(self, name: str, raw: bytes, at: int, line: int) -> None:
        """Note a phase at some byte of a line, if a kernel printed something before."""
        self.pass_over(raw, 0, at)
        # a log may begin after the line with the version
        if self._has_stamps or self._again or self._now.kernel is not None:
            self._reach(Phase(name), line)
        self.pass_over(raw, at, len(raw))

    def expect(self) -> None:
        """Expect a reset: a kernel crashed, or was requested to restart."""
        self._is_reset_expected = True

    def read(self, name: str, raw: bytes, place: Place) -> Start | None:
        """Read a line; return a report that it opens."""
        if name == "restart":
            self._is_reset_expected = True
        elif name in {"bootloader", "handover"}:
            return self._firmware(name, raw, place)
        elif name == "kernel":
            return self._kernel(raw, place)
        return None

    def finish(self, *, is_silent: bool) -> Boot:
        """Return how far the last boot came."""
        self._settle()
        reached = [phase for phase in PHASES[2:] if getattr(self._now, phase)]
        if reached:
            self._now.phase = reached[-1]
        elif not is_silent:
            self._now.phase = Phase.UNKNOWN
        kernel = PHASES.index(Phase.KERNEL)
        if self._has_stamps and PHASES.index(self._now.phase) < kernel:
            self._now.phase = Phase.KERNEL
        return self._now

    def _reach(self, phase: Phase, line: int) -> None:
        for boot in [self._now, self._again[1]] if self._again else [self._now]:
            if getattr(boot, phase) is None:
                setattr(boot, phase, line)

    def _settle(self) -> None:
        """Decide whether there was another start, now that its lines are known."""
        again, self._again = self._again, None
        if again is not None and again[0].is_new and again[0].stamps:
            self._now = again[1]

    def _firmware(self, name: str, raw: bytes, place: Place) -> Start | None:
        if STAMP.search(raw):
            return None  # a kernel that mentions it
        self._settle()
        ran = self._now.kernel is not None or self._has_stamps
        is_reset = ran and not self._is_reset_expected
        if ran:
            self._now = Boot(boots=max(self._now.boots, 1))
            self._is_reset_expected = self._has_stamps = False
        self._reach(Phase(name), place.line)
        return Reset(place, clean(raw), None) if is_reset else None

    def _kernel(self, raw: bytes, place: Place) -> Start | None:
        if self._has_stamps and not FIRST_SECOND.search(raw):
            return None  # a program that prints the kernel's version
        began = self._again[1].kernel if self._again else self._now.kernel
        if began is not None and place.line - began <= START_LINES:
            return None
        self._settle()
        self.banner = self.banner or place.line
        is_expected, self._is_reset_expected = self._is_reset_expected, False
        if self._now.kernel is None:
            self._now.boots += 1
            self._reach(Phase.KERNEL, place.line)
            start = Start(place, clean(raw), None)
            self._first = self._first or start
            return start
        start = (Start if is_expected else Reset)(place, clean(raw), self._first)
        self._again = start, Boot(kernel=place.line, boots=self._now.boots + 1)
        return start

# SPDX-License-Identifier: LGPL-2.1-or-later
"""How far a board came: boot loader, kernel, init, login, and who began again."""

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from kci_log_parser.lines import clean
from kci_log_parser.report import EXCERPT, WIDTH, Place, Report
from kci_log_parser.signature import signature
from kci_shared.models import Finding, Severity

STAMP = re.compile(rb"\[ *(\d+\.\d{6})\]")
"""What a kernel puts before its lines; no boot loader does."""
BEGIN = re.compile(rb"\[ *0\.\d+\]")
HEAD = 20
"""For how many lines the first words of a kernel are one start."""


class Phase(StrEnum):
    """How far a boot came."""

    SILENT = "silent"
    """Nothing was printed at all."""
    UNKNOWN = "unknown"
    """Nothing in the log tells of a boot."""
    BOOTLOADER = "bootloader"
    """Firmware spoke, and started no kernel."""
    HANDOVER = "handover"
    """A kernel was started and did not say a word."""
    KERNEL = "kernel"
    INIT = "init"
    LOGIN = "login"


ORDER = list(Phase)


@dataclass(slots=True)
class Boot:
    """What a log tells of a boot: the last one, if there were more."""

    phase: Phase = Phase.SILENT
    bootloader: int | None = None
    """Lines, from 1, on which each phase began."""
    handover: int | None = None
    kernel: int | None = None
    init: int | None = None
    login: int | None = None
    boots: int = 0
    """How many kernels were started."""


class Start(Report):
    """A kernel's first words, or a boot loader's after a kernel's: a reset."""

    def __init__(self, place: Place, text: str, known: "Start | None") -> None:
        super().__init__("reboot", Severity.WARNING, place, text)
        self._known = known

    @cached_property
    def stamps(self) -> frozenset[bytes]:
        """When the kernel spoke; what is printed again has the very same stamps."""
        return frozenset(STAMP.findall(self.window)) - {b"0.000000"}

    @property
    def stands(self) -> bool:
        """Whether nobody asked for it: the old messages again are no start."""
        return False

    @cached_property
    def is_new(self) -> bool:
        """Whether a kernel started, and not its old messages were shown again."""
        if self._known is None:
            return True
        return len(self.stamps & self._known.stamps) * 2 <= len(self.stamps)

    @property
    def signature(self) -> str:
        """All resets are alike."""
        return signature(self.kind, "", ())

    def finding(self) -> Finding:
        """Return it as a finding."""
        lines = self.window.splitlines()[:EXCERPT]
        return Finding(
            kind=self.kind,
            severity=self.severity,
            headline=self.headline,
            line=self.place.line,
            excerpt=[clean(line)[:WIDTH] for line in lines],
            signature=self.signature,
        )


class Reset(Start):
    """A start that nobody asked for."""

    @property
    def stands(self) -> bool:
        """Whether it is more than old messages shown again."""
        return self._known is None or (bool(self.stamps) and self.is_new)


class Boots:
    """Hears the lines that tell how far a board came."""

    def __init__(self) -> None:
        self.banner: int | None = None
        """The line on which a kernel first said its name."""
        self._now = Boot()
        self._first: Start | None = None
        self._again: tuple[Start, Boot] | None = None
        """A start that may be but the old messages, and how far it came."""
        self._asked = False
        self._stamped = False

    def pass_over(self, text: bytes, start: int, end: int) -> None:
        """Note whether a kernel speaks in lines that nobody else reads."""
        self._stamped = self._stamped or STAMP.search(text, start, end) is not None

    def goes_on(self) -> bool:
        """Say whether there are phases to come."""
        return (self._again[1] if self._again else self._now).login is None

    def reach(self, name: str, raw: bytes, at: int, line: int) -> None:
        """Note a phase that stands `at` a byte of a line, if a kernel spoke before."""
        self.pass_over(raw, 0, at)
        # without a banner a kernel runs from its first stamp on
        if self._stamped or self._again or self._now.kernel is not None:
            self._reach(Phase(name), line)
        self.pass_over(raw, at, len(raw))

    def expect(self) -> None:
        """Note that a reset is no news: a kernel has died, or was told to restart."""
        self._asked = True

    def read(self, name: str, raw: bytes, place: Place) -> Start | None:
        """Read a line; return a report that it opens."""
        if name == "restart":
            self._asked = True
        elif name in {"bootloader", "handover"}:
            return self._firmware(name, raw, place)
        elif name == "kernel":
            return self._kernel(raw, place)
        return None

    def finish(self, *, is_silent: bool) -> Boot:
        """Return how far the last boot came."""
        self._settle()
        reached = [phase for phase in ORDER[2:] if getattr(self._now, phase)]
        if reached:
            self._now.phase = reached[-1]
        elif not is_silent:
            self._now.phase = Phase.UNKNOWN
        if self._stamped and ORDER.index(self._now.phase) < ORDER.index(Phase.KERNEL):
            self._now.phase = Phase.KERNEL
        return self._now

    def _reach(self, phase: Phase, line: int) -> None:
        for boot in [self._now, self._again[1]] if self._again else [self._now]:
            if getattr(boot, phase) is None:
                setattr(boot, phase, line)

    def _settle(self) -> None:
        """Decide of what may have been a start, now that its window is known."""
        again, self._again = self._again, None
        if again is not None and again[0].is_new and again[0].stamps:
            self._now = again[1]

    def _firmware(self, name: str, raw: bytes, place: Place) -> Start | None:
        if STAMP.search(raw):
            return None  # a kernel that quotes it
        self._settle()
        ran = self._now.kernel is not None or self._stamped
        unasked = ran and not self._asked
        if ran:
            self._now = Boot(boots=max(self._now.boots, 1))
            self._asked = self._stamped = False
        self._reach(Phase(name), place.line)
        return Reset(place, clean(raw), None) if unasked else None

    def _kernel(self, raw: bytes, place: Place) -> Start | None:
        if self._stamped and not BEGIN.search(raw):
            return None  # a program that was asked for the kernel's version
        began = self._again[1].kernel if self._again else self._now.kernel
        if began is not None and place.line - began <= HEAD:
            return None
        self._settle()
        self.banner = self.banner or place.line
        asked, self._asked = self._asked, False
        if self._now.kernel is None:
            self._now.boots += 1
            self._reach(Phase.KERNEL, place.line)
            start = Start(place, clean(raw), None)
            self._first = self._first or start
            return start
        start = (Start if asked else Reset)(place, clean(raw), self._first)
        self._again = start, Boot(kernel=place.line, boots=self._now.boots + 1)
        return start

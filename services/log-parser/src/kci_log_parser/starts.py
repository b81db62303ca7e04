# SPDX-License-Identifier: LGPL-2.1-or-later
"""A kernel or a boot loader that starts: at a boot, or by a reset in a run."""

import re
from functools import cached_property

from kci_log_parser.fault_report import EXCERPT_LINES, LINE_CHARS, Place, Report
from kci_log_parser.lines import clean
from kci_log_parser.signature import signature
from kci_shared.models import Finding, Severity

STAMP = re.compile(rb"\[ *(\d+\.\d{6})\]")
"""The time stamp before a kernel's lines; boot loaders print none."""


class Start(Report):
    """The first lines of a kernel, or of a boot loader after a kernel ran."""

    def __init__(self, place: Place, text: str, earlier: "Start | None") -> None:
        super().__init__("reboot", Severity.WARNING, place, text)
        self._earlier = earlier
        """The first start of the log, whose messages this may be again."""

    @cached_property
    def stamps(self) -> frozenset[bytes]:
        """The kernel's time stamps; messages that are printed again have the same."""
        return frozenset(STAMP.findall(self.window)) - {b"0.000000"}

    @property
    def is_finding(self) -> bool:
        """Whether it is a reset; a boot is none."""
        return False

    @cached_property
    def is_new(self) -> bool:
        """Whether a kernel started; False if `dmesg` printed its messages again."""
        if self._earlier is None:
            return True
        return len(self.stamps & self._earlier.stamps) * 2 <= len(self.stamps)

    @property
    def signature(self) -> str:
        """The same for all resets."""
        return signature(self.kind, "", ())

    def finding(self) -> Finding:
        """Return it as a finding."""
        lines = self.window.splitlines()[:EXCERPT_LINES]
        return Finding(
            kind=self.kind,
            severity=self.severity,
            headline=self.headline,
            line=self.place.line,
            excerpt=[clean(line)[:LINE_CHARS] for line in lines],
            signature=self.signature,
        )


class Reset(Start):
    """A start in the middle of a run, though nothing in the log requested it."""

    @property
    def is_finding(self) -> bool:
        """Whether something started; False if old messages were printed again."""
        return self._earlier is None or (bool(self.stamps) and self.is_new)

# SPDX-License-Identifier: LGPL-2.1-or-later
"""One fault of a kernel: its headline, its parts and its consequences."""

import re
from functools import cached_property
from itertools import islice

from kci_log_parser.lines import clean
from kci_log_parser.markers import Marker, Severity
from kci_log_parser.report import EXCERPT, WIDTH, Place, Report
from kci_log_parser.signature import FUNCTIONS, signature
from kci_log_parser.stack import own_functions, trace
from kci_shared.models import Finding

REPORT = 100
"""How many lines a report lasts when no end mark closes it."""
AFTERMATH = 500
"""For how many lines the consequences of a fault are put down to it."""
DEPTH = 60
"""How many lines are searched for the stack."""
FRAMES = 16
END = b"---[ end "

SOURCE = re.compile(r"[\w./+-]{1,200}\.(?:[chS]|rs):\d+(?::\d+)?")


class Fault(Report):
    """What the kernel reports from one headline on."""

    def __init__(self, marker: Marker, place: Place, headline: str) -> None:
        super().__init__(marker.kind, marker.severity, place, headline)
        self._last = place.line

    def absorb(self, marker: Marker, line: int) -> bool:
        """Take another headline as a part or a consequence, unless it is news.

        A kernel that dies of what was only a warning makes it a fault.
        """
        age = line - self._last
        part = self.kind in marker.within and age <= REPORT and END not in self.window
        aftermath = self.kind in marker.after and age <= AFTERMATH
        if not (part or aftermath):
            return False
        self._last = line
        if marker.severity is Severity.FAULT:
            self.severity = Severity.FAULT
        return True

    @cached_property
    def _lines(self) -> bytes:
        """The report itself: to its end mark, or as far as a report lasts."""
        window = self.window
        end = window.find(END)
        if end >= 0:
            end = window.find(b"\n", end)
        window = window if end < 0 else window[: end + 1]
        return b"".join(window.splitlines(keepends=True)[:DEPTH])

    @cached_property
    def signature(self) -> str:
        """The same for the same fault, whatever the run, the board and the address."""
        functions = tuple(islice(own_functions(self._lines), FUNCTIONS))
        return signature(self.kind, self.headline, functions)

    def finding(self) -> Finding:
        """Read the report closely."""
        lines = self._lines.splitlines()
        source = SOURCE.search(self.headline)
        return Finding(
            kind=self.kind,
            severity=self.severity,
            headline=self.headline,
            line=self.place.line,
            excerpt=[clean(line)[:WIDTH] for line in lines[:EXCERPT]],
            signature=self.signature,
            location=source[0] if source else None,
            function=next(own_functions(self._lines), None),
            trace=trace(self._lines, FRAMES),
            last_line=self.place.line + max(len(lines) - 1, 0),
            first_byte=self.place.byte,
            end_byte=self.place.byte + len(self._lines),
        )

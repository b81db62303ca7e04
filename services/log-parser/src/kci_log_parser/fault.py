# SPDX-License-Identifier: LGPL-2.1-or-later
"""One fault of a kernel: its headline, its parts and its consequences."""

import re
from functools import cached_property

from kci_log_parser.headlines import Headline
from kci_log_parser.lines import clean
from kci_log_parser.report import EXCERPT, WIDTH, Place, Report
from kci_log_parser.signature import FUNCTIONS, signature
from kci_log_parser.stack import DEPTH, own_functions, trace
from kci_shared.models import Finding, Severity

REPORT = 100
"""How many lines a report lasts when no end mark closes it."""
AFTERMATH = 500
"""For how many lines the consequences of a fault are put down to it."""
FRAMES = 16
END = b"---[ end "

SOURCE = re.compile(r"[\w./+-]{1,200}\.(?:[chS]|rs):\d+(?::\d+)?")


class Fault(Report):
    """What the kernel reports from one headline on."""

    def __init__(self, headline: Headline, place: Place, text: str) -> None:
        super().__init__(headline.kind, headline.severity, place, text)
        self._last = place.line

    def absorb(self, headline: Headline, line: int) -> bool:
        """Take another headline as a part or a consequence, unless it is news.

        A kernel that dies of what was only a warning makes it a fault.
        """
        age = line - self._last
        part = self.kind in headline.within and age <= REPORT and END not in self.window
        aftermath = self.kind in headline.after and age <= AFTERMATH
        if not (part or aftermath):
            return False
        self._last = line
        if headline.severity is Severity.FAULT:
            self.severity = Severity.FAULT
        return True

    def may_reset(self, line: int) -> bool:
        """Say whether a board that begins again there may do so because of it."""
        return self.severity is Severity.FAULT and line - self._last <= AFTERMATH

    @cached_property
    def signature(self) -> str:
        """The same for the same fault, whatever the run, the board and the address."""
        window = self.window
        end = window.find(END)
        functions = own_functions(window[:end] if end >= 0 else window, FUNCTIONS)
        return signature(self.kind, self.headline, tuple(functions))

    def _lines(self) -> list[bytes]:
        """Return the report itself: to its end mark, or as far as one lasts."""
        lines = self.window.splitlines(keepends=True)[:DEPTH]
        ends = (number for number, line in enumerate(lines) if END in line)
        return lines[: next(ends, len(lines)) + 1]

    def finding(self) -> Finding:
        """Read the report closely."""
        lines = self._lines()
        report = b"".join(lines)
        source = SOURCE.search(self.headline)
        return Finding(
            kind=self.kind,
            severity=self.severity,
            headline=self.headline,
            line=self.place.line,
            excerpt=[clean(line)[:WIDTH] for line in lines[:EXCERPT]],
            signature=self.signature,
            location=source[0] if source else None,
            function=next(iter(own_functions(report, 1)), None),
            trace=trace(report, FRAMES),
            last_line=self.place.line + max(len(lines) - 1, 0),
            first_byte=self.place.byte,
            end_byte=self.place.byte + len(report),
        )

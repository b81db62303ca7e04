# SPDX-License-Identifier: LGPL-2.1-or-later
"""A fault of a kernel: its headline, its parts and its consequences."""

import re
from functools import cached_property

from kci_log_parser.fault_lines import Headline
from kci_log_parser.fault_report import EXCERPT_LINES, LINE_CHARS, Place, Report
from kci_log_parser.lines import clean
from kci_log_parser.signature import MAX_FUNCTIONS, signature
from kci_log_parser.stack import STACK_LINES, own_functions, trace
from kci_shared.models import Finding, Severity

REPORT_LINES = 100
"""How long a report is at most, if no end mark closes it."""
AFTERMATH_LINES = 500
"""How far below a fault its consequences may stand."""
MAX_FRAMES = 16
END = b"---[ end "

SOURCE = re.compile(r"[\w./+-]{1,200}\.(?:[chS]|rs):\d+(?::\d+)?")


class Fault(Report):
    """A report of the kernel, from its headline on."""

    def __init__(self, headline: Headline, place: Place, text: str) -> None:
        super().__init__(headline.kind, headline.severity, place, text)
        self._last = place.line

    def absorb(self, headline: Headline, line: int) -> bool:
        """Return whether another headline is a part or a consequence of this fault.

        A warning that the kernel crashes of becomes a fault.
        """
        age = line - self._last
        part = (
            self.kind in headline.within
            and age <= REPORT_LINES
            and END not in self.window
        )
        aftermath = self.kind in headline.after and age <= AFTERMATH_LINES
        if not (part or aftermath):
            return False
        self._last = line
        if headline.severity is Severity.FAULT:
            self.severity = Severity.FAULT
        return True

    def may_reset(self, line: int) -> bool:
        """Return whether this fault may be why the board resets on that line."""
        return self.severity is Severity.FAULT and line - self._last <= AFTERMATH_LINES

    @cached_property
    def signature(self) -> str:
        """The same for the same fault in each run, on each board and in each build."""
        window = self.window
        end = window.find(END)
        functions = own_functions(window[:end] if end >= 0 else window, MAX_FUNCTIONS)
        return signature(self.kind, self.headline, tuple(functions))

    def _lines(self) -> list[bytes]:
        """Return the lines of the report, up to its end mark if it has one."""
        lines = self.window.splitlines(keepends=True)[:STACK_LINES]
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
            excerpt=[clean(line)[:LINE_CHARS] for line in lines[:EXCERPT_LINES]],
            signature=self.signature,
            location=source[0] if source else None,
            function=next(iter(own_functions(report, 1)), None),
            trace=trace(report, MAX_FRAMES),
            last_line=self.place.line + max(len(lines) - 1, 0),
            first_byte=self.place.byte,
            end_byte=self.place.byte + len(report),
        )

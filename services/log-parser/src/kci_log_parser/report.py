# SPDX-License-Identifier: LGPL-2.1-or-later
"""One fault's report, as it is being read: headline, excerpt, stack, aftermath."""

from kci_log_parser.markers import Marker, Severity
from kci_log_parser.signature import FUNCTIONS, own_function, signature
from kci_shared.models import Finding

EXCERPT = 20
"""How many lines a finding quotes, and how much of each, in characters."""
WIDTH = 160
DEPTH = 60
"""How many lines are searched for the stack."""
REPORT = 100
"""How many lines a report lasts when no end mark closes it."""
AFTERMATH = 500
"""For how many lines the consequences of a fault are put down to it."""
END = "---[ end "


class FaultReport:
    """What one headline opened; fed with the lines from there on."""

    def __init__(self, marker: Marker, line: int, headline: str) -> None:
        self.kind = marker.kind
        self._line = line
        self._headline = headline[: 2 * WIDTH]
        self.severity = marker.severity
        self._last = line
        self._ended = False
        self._read = 0
        self._excerpt: list[str] = []
        self._functions: list[str] = []
        self.add(headline)

    @property
    def hungry(self) -> bool:
        """Whether more lines could still say something."""
        return not self._ended and self._read < DEPTH

    def add(self, text: str) -> None:
        """Read one line."""
        if not self.hungry:
            return
        self._read += 1
        self._ended = END in text
        if len(self._excerpt) < EXCERPT:
            self._excerpt.append(text[:WIDTH])
        if len(self._functions) < FUNCTIONS and (function := own_function(text)):
            self._functions.append(function)

    def absorb(self, marker: Marker, line: int, headline: str) -> bool:
        """Take another headline as a part or a consequence, unless it is news.

        A kernel that dies of what was only a warning makes it a fault.
        """
        age = line - self._last
        part = not self._ended and age <= REPORT and self.kind in marker.within
        aftermath = age <= AFTERMATH and self.kind in marker.after
        if not (part or aftermath):
            return False
        self._last = line
        if marker.severity is Severity.FAULT:
            self.severity = Severity.FAULT
        self.add(headline)
        return True

    @property
    def signature(self) -> str:
        """The fault's signature, as far as the report was read."""
        return signature(self.kind, self._headline, tuple(self._functions))

    def finding(self) -> Finding:
        """Return the report as a finding."""
        return Finding(
            kind=self.kind,
            severity=self.severity,
            headline=self._headline,
            line=self._line,
            excerpt=self._excerpt,
            signature=self.signature,
        )

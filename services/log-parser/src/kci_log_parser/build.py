# SPDX-License-Identifier: LGPL-2.1-or-later
"""An error or a warning of a build, with its place in the source."""

import re
from functools import cached_property

from kci_log_parser.fault_report import EXCERPT_LINES, LINE_CHARS, Place, Report
from kci_log_parser.lines import clean
from kci_log_parser.signature import signature
from kci_shared.models import Finding, Severity

POINTER = re.compile(
    r"(?:--> |>>> (?:referenced by|defined at) )(\S{1,300}:\d+(?::\d+)?)"
)
"""The place, where rustc and lld print it: below the error."""
FOLLOWS = re.compile(rb"(?m)^(?:make(?:\[\d+\])?: |  [A-Z][A-Z0-9]* +\S)")
"""A line that is no part of the error above it."""
RAISED = re.compile(r"^(?:\w+\.)*\w*(?:Error|Exception|Interrupt|Exit)\b")
KINDS = frozenset({"compiler", "linker", "modpost", "make", "build-other"})


class BuildError(Report):
    """An error or a warning of a build, with the lines below it."""

    def __init__(self, kind: str, severity: Severity, place: Place, text: str) -> None:
        super().__init__(kind, severity, place, text)
        self.location: str | None = None
        self.function: str | None = None
        self.message = text
        """The headline without its place."""
        self.is_certain = True
        """False for a line that is an error only if `make` fails soon after it."""

    @property
    def is_finding(self) -> bool:
        """Whether it is an error, now that the lines below are known."""
        return self.is_certain or self._where() is not None

    @cached_property
    def _lines(self) -> bytes:
        window = self.window
        first = window.find(b"\n") + 1
        over = FOLLOWS.search(window, first) if first else None
        window = window[: over.start()] if over else window
        return b"".join(window.splitlines(keepends=True)[:EXCERPT_LINES])

    @cached_property
    def signature(self) -> str:
        """The same for the same error: of its file and its message, not its line."""
        file = (self._where() or "").partition(":")[0].rpartition("/")[2]
        return signature(self.kind, f"{file} {self.message}", ())

    def _where(self) -> str | None:
        if self.location is not None:
            return self.location
        place = max(self.window.find(b"--> "), self.window.find(b">>> "))
        if place < 0:
            return None
        below = self.window[place : place + 400].decode("utf-8", "replace")
        pointed = POINTER.match(below)
        return pointed[1] if pointed else None

    def finding(self) -> Finding:
        """Read it closely."""
        lines = self._lines.splitlines()
        return Finding(
            kind=self.kind,
            severity=self.severity,
            headline=self._headline(lines),
            line=self.place.line,
            excerpt=[clean(line)[:LINE_CHARS] for line in lines],
            signature=self.signature,
            location=self._where(),
            function=self.function,
            last_line=self.place.line + max(len(lines) - 1, 0),
            first_byte=self.place.byte,
            end_byte=self.place.byte + len(self._lines),
        )

    def _headline(self, lines: list[bytes]) -> str:
        """Return the headline; of a Python traceback, the exception."""
        if not self.headline.startswith("Traceback"):
            return self.headline
        texts = (clean(line) for line in lines)
        raised = next((text for text in texts if RAISED.match(text)), self.headline)
        return raised[: 2 * LINE_CHARS]

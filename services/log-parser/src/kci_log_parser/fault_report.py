# SPDX-License-Identifier: LGPL-2.1-or-later
"""A headline with the part of the log below it, read closely only if it is new."""

from abc import ABC, abstractmethod
from typing import NamedTuple

from kci_shared.models import Finding

EXCERPT_LINES = 20
"""How many lines a finding quotes."""
LINE_CHARS = 160
"""How much of each of them."""
WINDOW_BYTES = 1 << 14
"""How much of the log below a headline is kept."""


class Place(NamedTuple):
    """The place of a line in the log."""

    line: int
    """From 1."""
    byte: int
    """From 0."""


class Report(ABC):
    """A headline, and as much of the log below as may belong to it."""

    def __init__(self, kind: str, severity: str, place: Place, headline: str) -> None:
        self.kind = kind
        self.severity = severity
        self.place = place
        self.headline = headline[: 2 * LINE_CHARS]
        self._pieces: list[bytes] = []
        self._room = WINDOW_BYTES

    def add(self, text: bytes, start: int, end: int) -> None:
        """Keep the lines that follow, while there is room."""
        if self._room > 0:
            piece = text[start : min(end, start + self._room)]
            self._room -= len(piece)
            self._pieces.append(piece)

    @property
    def window(self) -> bytes:
        """The log from the headline's line on."""
        if len(self._pieces) > 1:
            self._pieces = [b"".join(self._pieces)]
        return self._pieces[0] if self._pieces else b""

    @property
    def is_finding(self) -> bool:
        """Whether it is a finding, now that the lines below are known."""
        return True

    @property
    @abstractmethod
    def signature(self) -> str:
        """The same for the same fault in each run."""

    @abstractmethod
    def finding(self) -> Finding:
        """Read the report closely."""

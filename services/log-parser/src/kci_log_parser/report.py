# SPDX-License-Identifier: LGPL-2.1-or-later
"""What one headline opened: the bytes below it, read closely only when it is news."""

from abc import ABC, abstractmethod
from typing import NamedTuple

from kci_shared.models import Finding

EXCERPT = 20
"""How many lines a finding quotes, and how much of each, in characters."""
WIDTH = 160
WINDOW = 1 << 14
"""How much of the log below a headline is kept, in bytes."""


class Place(NamedTuple):
    """Where a line stands."""

    line: int
    """From 1."""
    byte: int
    """From 0."""


class Report(ABC):
    """One headline, and the log from there on as far as it may belong to it."""

    def __init__(self, kind: str, severity: str, place: Place, headline: str) -> None:
        self.kind = kind
        self.severity = severity
        self.place = place
        self.headline = headline[: 2 * WIDTH]
        self._pieces: list[bytes] = []
        self._left = WINDOW

    def add(self, text: bytes, start: int, end: int) -> None:
        """Keep what follows, while there is room."""
        if self._left > 0:
            piece = text[start : min(end, start + self._left)]
            self._left -= len(piece)
            self._pieces.append(piece)

    @property
    def window(self) -> bytes:
        """The log from the headline's line on."""
        if len(self._pieces) > 1:
            self._pieces = [b"".join(self._pieces)]
        return self._pieces[0] if self._pieces else b""

    @property
    def stands(self) -> bool:
        """Whether it is one at all, now that what followed is known."""
        return True

    @property
    @abstractmethod
    def signature(self) -> str:
        """The same for the same trouble, whatever the run."""

    @abstractmethod
    def finding(self) -> Finding:
        """Read it closely."""

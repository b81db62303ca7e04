# SPDX-License-Identifier: LGPL-2.1-or-later
"""A build's log: what programs print, up to a limit, and its end in memory."""

from pathlib import Path
from types import TracebackType
from typing import Self

CUT = b"\n[the rest of the log was cut off]\n"
END = 1 << 20


class BuildLog:
    """A file that grows; its end is at hand even when the file grows no more."""

    def __init__(self, path: Path, most: int) -> None:
        self.path = path
        self._room = most
        self._end = b""
        self._file = path.open("wb")

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the file."""
        self._file.close()

    def hear(self, chunk: bytes) -> None:
        """Note what a program printed."""
        self._end = (self._end + chunk)[-END:]
        if self._room > 0:
            self._file.write(chunk[: self._room])
            self._room -= len(chunk)
            if self._room <= 0:
                self._file.write(CUT)
        self._file.flush()

    def say(self, line: str) -> None:
        """Note something of our own."""
        self.hear(f"{line}\n".encode())

    def end(self) -> str:
        """Return the end of all that was said."""
        return self._end.decode(errors="replace")

    def last(self) -> str:
        """Return the last line."""
        return (self.end().strip().splitlines() or [""])[-1][:200]

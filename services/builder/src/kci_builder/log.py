# SPDX-License-Identifier: LGPL-2.1-or-later
"""A build's log: what programs print, up to a limit, and its end in memory."""

import os
import re
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

CUT = b"\n[the rest of the log was cut off]\n"
END = 1 << 20
LONGEST_LINE = 1 << 16


class BuildLog:
    """A file that grows; its end is at hand even when the file grows no more."""

    def __init__(
        self, path: Path, most: int, sources: Path, echo: BinaryIO | None = None
    ) -> None:
        """Keep `most` bytes; files of the sources are told from their top.

        What is kept is written to `echo`, too, for who cannot see the file.
        """
        self.path = path
        self._prefix = re.compile(
            # ccache turns it into a path from where the compiler runs: beside it
            rb"%s/|(?<![\w./-])\.\./%s/"
            % (re.escape(os.fsencode(sources)), re.escape(os.fsencode(sources.name)))
        )
        self._rest = b""
        self._room = most
        self._end = b""
        self._file = path.open("wb")
        self._echo = echo

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the file, with a last line that was never ended."""
        self._write(self._rest)
        self._file.close()

    def hear(self, chunk: bytes) -> None:
        """Note what a program printed, as soon as a line of it is whole."""
        lines, newline, self._rest = (self._rest + chunk).rpartition(b"\n")
        if len(self._rest) > LONGEST_LINE:
            lines, newline, self._rest = lines + newline + self._rest, b"", b""
        self._write(self._prefix.sub(b"", lines + newline))

    def _write(self, text: bytes) -> None:
        self._end = (self._end + text)[-END:]
        if self._room > 0:
            self._keep(text[: self._room])
            self._room -= len(text)
            if self._room <= 0:
                self._keep(CUT)

    def _keep(self, text: bytes) -> None:
        for file in (self._file, self._echo):
            if file is not None:
                file.write(text)
                file.flush()

    def say(self, line: str) -> None:
        """Note something of our own."""
        self.hear(f"{line}\n".encode())

    def end(self) -> str:
        """Return the end of all that was said."""
        return self._end.decode(errors="replace")

    def last(self) -> str:
        """Return the last line."""
        return (self.end().strip().splitlines() or [""])[-1][:200]

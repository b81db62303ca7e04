# SPDX-License-Identifier: LGPL-2.1-or-later
"""A build's log: the output of its programs up to a limit, and its tail in memory."""

import os
import re
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

CUT = b"\n[the rest of the log was cut off]\n"
TAIL_BYTES = 1 << 20
MAX_LINE_BYTES = 1 << 16


class BuildLog:
    """A log file, and the tail of all output, even of what the file did not take."""

    def __init__(
        self, path: Path, max_bytes: int, sources: Path, echo: BinaryIO | None = None
    ) -> None:
        """Keep `max_bytes`, and shorten paths below `sources` to relative ones.

        Everything that is kept is written to `echo`, too.
        """
        self.path = path
        self._prefix = re.compile(
            # ccache makes paths relative to the compiler's folder, beside the sources
            rb"%s/|(?<![\w./-])\.\./%s/"
            % (re.escape(os.fsencode(sources)), re.escape(os.fsencode(sources.name)))
        )
        self._rest = b""
        self._left = max_bytes
        self._tail = b""
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
        """Write the last line, even if it has no end, and close the file."""
        self._write(self._rest)
        self._file.close()

    def feed(self, chunk: bytes) -> None:
        """Add output of a program; it is written line by line."""
        lines, newline, self._rest = (self._rest + chunk).rpartition(b"\n")
        if len(self._rest) > MAX_LINE_BYTES:
            lines, newline, self._rest = lines + newline + self._rest, b"", b""
        self._write(self._prefix.sub(b"", lines + newline))

    def _write(self, text: bytes) -> None:
        self._tail = (self._tail + text)[-TAIL_BYTES:]
        if self._left > 0:
            self._keep(text[: self._left])
            self._left -= len(text)
            if self._left <= 0:
                self._keep(CUT)

    def _keep(self, text: bytes) -> None:
        for file in (self._file, self._echo):
            if file is not None:
                file.write(text)
                file.flush()

    def note(self, line: str) -> None:
        """Add a line of the builder's own."""
        self.feed(f"{line}\n".encode())

    def tail(self) -> str:
        """Return the last `TAIL_BYTES` of all output, also of what was not kept."""
        return self._tail.decode(errors="replace")

    def last_line(self) -> str:
        """Return the last line."""
        return (self.tail().strip().splitlines() or [""])[-1][:200]

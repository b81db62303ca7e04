# SPDX-License-Identifier: LGPL-2.1-or-later
"""Reads a serial line as lines of text, and copies every byte to a log."""

import asyncio
import codecs
import re
from collections import deque
from typing import BinaryIO, Protocol

from kci_local_bridge.rules import take_lines
from kci_local_bridge.verdicts import KernelFault, PoweredOff
from kci_shared.lab.console import PANIC, find_panic
from kci_shared.rules.results import ResultReader

MAX_LOG_BYTES = 64 << 20
LOG_CUT = b"\r\n[the rest of the log was cut off]\r\n"
AFTER_PANIC_S = 5.0
"""How long the output after a panic is logged."""


class Line(Protocol):
    """The machine's end of a serial line."""

    stopped: bool
    """Whether we have powered the machine off."""

    async def read(self) -> bytes:
        """Return the bytes that arrived; nothing at the end."""
        ...

    async def write(self, text: str) -> None:
        """Type a text."""
        ...


class Stopped(Exception):
    """The bridge has powered the machine off."""


class Console:
    """A machine's console: reads it line by line, and types."""

    def __init__(self, machine: Line, log: BinaryIO) -> None:
        self.results = ResultReader()
        """The test results that were printed since a text was typed."""
        self.last_line = ""
        """The last complete line since then."""
        self._machine = machine
        self._log = log
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._fresh: deque[str] = deque()
        self._rest = ""

    async def type(self, text: str) -> None:
        """Type a text, and forget the output before it."""
        self.results, self.last_line = ResultReader(), ""
        await self._machine.write(text)

    async def until(self, pattern: re.Pattern[str], seconds: float) -> re.Match[str]:
        """Read until a line, or the incomplete last one, matches.

        Raises `KernelFault` if the kernel dies before, else `TimeoutError`.
        """
        async with asyncio.timeout(seconds):
            while (match := await self._match(pattern)) is None:
                await self._read()
        return match

    async def _match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        while self._fresh:
            line = self._fresh.popleft()
            if re.search(PANIC, line):
                await self._log_end()
                raise KernelFault(find_panic(line))
            if match := pattern.search(line):
                return match
            self.results.read(line)
            self.last_line = line
        if match := pattern.search(self._rest):
            self._rest = ""
        return match

    async def _read(self) -> None:
        chunk = await self._machine.read()
        if not chunk:
            if self._machine.stopped:
                raise Stopped
            raise PoweredOff("the machine went off")
        self._copy(chunk)
        text = self._rest + self._decoder.decode(chunk)
        lines, self._rest = take_lines(text)
        self._fresh.extend(lines)

    def _copy(self, chunk: bytes) -> None:
        room = MAX_LOG_BYTES - self._log.tell()
        if room > 0:
            self._log.write(chunk if len(chunk) <= room else chunk[:room] + LOG_CUT)

    async def _log_end(self) -> None:
        try:
            async with asyncio.timeout(AFTER_PANIC_S):
                while True:
                    await self._read()
        except (TimeoutError, PoweredOff, Stopped):
            return

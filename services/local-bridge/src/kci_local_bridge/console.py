# SPDX-License-Identifier: LGPL-2.1-or-later
"""A serial line as lines of text, with a copy of every byte in a log."""

import asyncio
import codecs
import re
from collections import deque
from typing import BinaryIO, Protocol

from kci_local_bridge.rules import take_lines
from kci_shared.lab.console import PANIC, find_panic

KEPT_LINES = 50_000
"""Of one test's output, from its end; the log has all of it."""
LONGEST_LOG = 64 << 20
LOG_CUT = b"\r\n[the rest of the log was cut off]\r\n"
LAST_WORDS = 5.0
"""How long a dying kernel may go on to tell why, in seconds."""


class Line(Protocol):
    """The machine's end of a serial line."""

    stopped: bool

    async def read(self) -> bytes:
        """Return what came; nothing at the end."""
        ...

    async def write(self, text: str) -> None:
        """Type something."""
        ...


class KernelFault(Exception):
    """The kernel, or what runs on it, is at fault."""


class Ended(KernelFault):
    """The machine went off by itself, and did not panic."""


class Stopped(Exception):
    """We switched the machine off."""


class Console:
    """What a machine says, line by line, and what we type."""

    def __init__(self, machine: Line, log: BinaryIO) -> None:
        self.lines: deque[str] = deque(maxlen=KEPT_LINES)
        """What came since something was typed."""
        self._machine = machine
        self._log = log
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._fresh: deque[str] = deque()
        self._rest = ""

    async def type(self, text: str) -> None:
        """Type something; what is said from now on is the answer."""
        self.lines.clear()
        await self._machine.write(text)

    async def until(self, wanted: re.Pattern[str], seconds: float) -> re.Match[str]:
        """Read until a line, or what there is of the last one, matches.

        Raises `KernelFault` when the kernel dies before, `TimeoutError` when it is
        just silent.
        """
        async with asyncio.timeout(seconds):
            while (match := await self._look_for(wanted)) is None:
                await self._read()
        return match

    async def _look_for(self, wanted: re.Pattern[str]) -> re.Match[str] | None:
        while self._fresh:
            line = self._fresh.popleft()
            if re.search(PANIC, line):
                await self._hear_last_words()
                raise KernelFault(find_panic(line))
            if match := wanted.search(line):
                return match
            self.lines.append(line)
        if match := wanted.search(self._rest):
            self._rest = ""
        return match

    async def _read(self) -> None:
        chunk = await self._machine.read()
        if not chunk:
            raise Stopped if self._machine.stopped else Ended("the machine went off")
        self._copy(chunk)
        text = self._rest + self._decoder.decode(chunk)
        lines, self._rest = take_lines(text)
        self._fresh.extend(lines)

    def _copy(self, chunk: bytes) -> None:
        room = LONGEST_LOG - self._log.tell()
        if room > 0:
            self._log.write(chunk if len(chunk) <= room else chunk[:room] + LOG_CUT)

    async def _hear_last_words(self) -> None:
        try:
            async with asyncio.timeout(LAST_WORDS):
                while True:
                    await self._read()
        except (TimeoutError, Ended, Stopped):
            return

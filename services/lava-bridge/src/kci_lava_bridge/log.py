# SPDX-License-Identifier: LGPL-2.1-or-later
"""Reads LAVA's log line by line, in bounded memory.

Each line is an entry, `- {"dt": ..., "lvl": ..., "msg": ...}`; entries of two levels
are the device's output. Most are JSON, which parses thirty times faster than YAML.
"""

import json
import re
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Iterable
from dataclasses import dataclass, field
from typing import IO, Any

from kci_lava_bridge.results import Case
from kci_lava_bridge.safe_yaml import read_yaml
from kci_lava_bridge.steps import SUITE
from kci_shared.lab import LabError
from kci_shared.lab.console import BANNER, find_panic
from kci_shared.rules.results import may_be_result
from kci_shared.text import plain

CONSOLE = ("target", "feedback")
MAX_LINE_BYTES = 1 << 20
MAX_CONSOLE_BYTES = 64 * 2**20
MAX_OUTPUT_BYTES = 16 * 2**20
"""How much of the lines of all our own commands that may be results is kept."""
LINE_OVERHEAD_BYTES = 80
"""Memory that Python needs for each line besides its text."""
LAST_LINES = 5
MAX_OPEN_CASES = 50
"""How many cases a line can belong to."""
MAX_SEARCHED = 1000
"""Characters of a line that are searched: a device may print anything."""
CUT = "[the log is longer than this; it was cut here]\n"

_BANNER = re.compile(BANNER)
_FAULT = re.compile(
    r"Internal error: |Oops\b.*: |kernel BUG at |Unable to handle kernel |"
    r"BUG: unable to handle |unhandled fault|Unhandled fault:",
)
_LOGIN = re.compile(r"\blogin: ?$")
_SIGNAL = re.compile(r"<LAVA_SIGNAL_|^\+ ")


@dataclass
class Excerpt:
    """The part of the log that belongs to a case."""

    case: Case
    first: int | None = None
    """Lines of the console, counted from 1."""
    last: int | None = None
    lines: list[str] = field(default_factory=list)
    """Lines that may be results."""
    end: deque[str] = field(default_factory=lambda: deque(maxlen=LAST_LINES))
    is_cut: bool = False
    """Whether there were more lines than are kept."""


@dataclass
class LogFacts:
    """What the log shows of a run."""

    panic: str | None = None
    fault: str | None = None
    """The first kernel fault that is not a panic."""
    spoke: bool = False
    """Whether the kernel's banner was seen."""
    prompted: bool = False
    """Whether a login prompt was seen after the banner."""
    excerpts: dict[int, Excerpt] = field(default_factory=dict)
    """By id of the case."""


class LogReader:
    """Writes the console as plain text, and collects facts about the run."""

    def __init__(self, console: IO[str], cases: Iterable[Case]) -> None:
        self.facts = LogFacts()
        self._console = console
        self._number = 0
        self._written = 0
        self._size = 0
        self._kept = 0
        self._waiting = sorted(
            (Excerpt(case) for case in cases if case.start and case.end),
            key=lambda excerpt: excerpt.case.start or 0,
            reverse=True,
        )
        self._open: list[Excerpt] = []
        self.facts.excerpts = {excerpt.case.id: excerpt for excerpt in self._waiting}

    def feed(self, raw: bytes) -> None:
        """Read one line of the log."""
        self._number += 1
        while self._waiting and (self._waiting[-1].case.start or 0) <= self._number:
            self._open = [*self._open[-MAX_OPEN_CASES:], self._waiting.pop()]
        if (text := console_text(raw)) is not None:
            self._take(text)
        self._open = [e for e in self._open if (e.case.end or 0) > self._number]

    def _take(self, text: str) -> None:
        line = text if text.isprintable() else plain(text)
        if self._size < MAX_CONSOLE_BYTES:
            self._size += len(line) + 1
            self._written += 1
            self._console.write(f"{line}\n" if self._size < MAX_CONSOLE_BYTES else CUT)
        for excerpt in self._open:
            if excerpt.first is None:
                excerpt.first = self._written
            excerpt.last = self._written
            if excerpt.case.suite_name == SUITE and not _SIGNAL.search(line):
                self._keep(excerpt, line[:MAX_SEARCHED])
        self._judge(text, line)

    def _keep(self, excerpt: Excerpt, line: str) -> None:
        excerpt.end.append(line)
        if not may_be_result(line):
            return
        self._kept += len(line) + LINE_OVERHEAD_BYTES
        if self._kept < MAX_OUTPUT_BYTES:
            excerpt.lines.append(line)
        else:
            excerpt.is_cut = True

    def _judge(self, text: str, line: str) -> None:
        facts, line = self.facts, line[:MAX_SEARCHED]
        if not facts.spoke:
            facts.spoke = _BANNER.search(line) is not None
        elif not facts.prompted:
            facts.prompted = _LOGIN.search(line) is not None
        if facts.panic is None and "Kernel panic" in text:
            facts.panic = find_panic(text)
        if facts.fault is None and _FAULT.search(line):
            facts.fault = line.strip()


def console_text(raw: bytes) -> str | None:
    """Return the device's output in a line of the log; None for other lines."""
    entry = _entry(raw)
    if not isinstance(entry, dict) or entry.get("lvl") not in CONSOLE:
        return None
    message = entry.get("msg")
    return str(message) if isinstance(message, str | int | float) else None


def _entry(raw: bytes) -> Any:
    if not raw.startswith(b"- "):
        return None
    try:
        return json.loads(raw[2:])
    except (ValueError, RecursionError):
        pass
    try:
        entries = read_yaml(raw)
    except LabError:
        return None  # cut, or not LAVA's
    return entries[0] if isinstance(entries, list) and entries else None


async def lines_of(chunks: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    """Split a stream into lines; lines longer than `MAX_LINE_BYTES` are cut."""
    rest = b""
    async for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            yield line[:MAX_LINE_BYTES]
        rest = rest[:MAX_LINE_BYTES]
    if rest:
        yield rest

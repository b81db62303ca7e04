# SPDX-License-Identifier: LGPL-2.1-or-later
"""LAVA's log, read line by line as it comes, in bounded memory.

Each of its lines is an entry, `- {"dt": ..., "lvl": ..., "msg": ...}`; what the device
said is in those of two levels. Most are JSON, which is read thirty times as fast.
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
LONGEST_LINE = 1 << 20
LARGEST_CONSOLE = 64 * 2**20
LARGEST_OUTPUT = 16 * 2**20
"""What is kept of the lines of all our own commands that may be verdicts, in bytes."""
AROUND = 80
"""What Python itself takes for each line, in bytes."""
LAST_LINES = 5
MOST_OPEN = 50
"""How many cases a line may belong to."""
LONGEST_LOOK = 1000
"""How much of a line is looked at: a device may say what it likes."""
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
    """What stands in the log between the marks of a case."""

    case: Case
    first: int | None = None
    """Lines of the console, from 1."""
    last: int | None = None
    lines: list[str] = field(default_factory=list)
    """Those that may be verdicts."""
    end: deque[str] = field(default_factory=lambda: deque(maxlen=LAST_LINES))
    is_cut: bool = False
    """There were more of them than can be kept."""


@dataclass
class LogFacts:
    """What the log tells of a run."""

    panic: str | None = None
    fault: str | None = None
    """The first fault of the kernel that need not have been its end."""
    spoke: bool = False
    """The kernel's banner was seen."""
    prompted: bool = False
    """A login prompt was seen after it."""
    excerpts: dict[int, Excerpt] = field(default_factory=dict)
    """By the id of the case."""


class LogReader:
    """Writes the console as plain text, and gathers what there is to know."""

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
        """Take one line of the log."""
        self._number += 1
        while self._waiting and (self._waiting[-1].case.start or 0) <= self._number:
            self._open = [*self._open[-MOST_OPEN:], self._waiting.pop()]
        if (text := console_text(raw)) is not None:
            self._take(text)
        self._open = [e for e in self._open if (e.case.end or 0) > self._number]

    def _take(self, text: str) -> None:
        line = text if text.isprintable() else plain(text)
        if self._size < LARGEST_CONSOLE:
            self._size += len(line) + 1
            self._written += 1
            self._console.write(f"{line}\n" if self._size < LARGEST_CONSOLE else CUT)
        for excerpt in self._open:
            if excerpt.first is None:
                excerpt.first = self._written
            excerpt.last = self._written
            if excerpt.case.suite_name == SUITE and not _SIGNAL.search(line):
                self._keep(excerpt, line[:LONGEST_LOOK])
        self._judge(text, line)

    def _keep(self, excerpt: Excerpt, line: str) -> None:
        excerpt.end.append(line)
        if not may_be_result(line):
            return
        self._kept += len(line) + AROUND
        if self._kept < LARGEST_OUTPUT:
            excerpt.lines.append(line)
        else:
            excerpt.is_cut = True

    def _judge(self, text: str, line: str) -> None:
        facts, line = self.facts, line[:LONGEST_LOOK]
        if not facts.spoke:
            facts.spoke = _BANNER.search(line) is not None
        elif not facts.prompted:
            facts.prompted = _LOGIN.search(line) is not None
        if facts.panic is None and "Kernel panic" in text:
            facts.panic = find_panic(text)
        if facts.fault is None and _FAULT.search(line):
            facts.fault = line.strip()


def console_text(raw: bytes) -> str | None:
    """Return what the device said in a line of the log; None if it is no such line."""
    entry = _entry(raw)
    if not isinstance(entry, dict) or entry.get("lvl") not in CONSOLE:
        return None
    said = entry.get("msg")
    return str(said) if isinstance(said, str | int | float) else None


def _entry(raw: bytes) -> Any:
    if not raw.startswith(b"- "):
        return None
    try:
        return json.loads(raw[2:])
    except (ValueError, RecursionError):
        pass
    try:
        found = read_yaml(raw)
    except LabError:
        return None  # cut, or not LAVA's
    return found[0] if isinstance(found, list) and found else None


async def lines_of(chunks: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    """Split a stream into lines; what is longer than any line should be is cut."""
    rest = b""
    async for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            yield line[:LONGEST_LINE]
        rest = rest[:LONGEST_LINE]
    if rest:
        yield rest

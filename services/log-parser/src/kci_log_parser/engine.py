# SPDX-License-Identifier: LGPL-2.1-or-later
"""Scans for all lines of interest at once, in time linear in the length of the log.

Hyperscan returns where each pattern ends. Where it begins, and which of several counts,
is decided by `re` in these few lines.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from itertools import islice

import hyperscan

from kci_log_parser.boot_lines import BOOT_LINES, PHASE_LINES
from kci_log_parser.build_lines import BUILD_LINES
from kci_log_parser.fault_lines import FAULT_LINES, Headline
from kci_log_parser.forms import Form, Topic
from kci_log_parser.result_lines import RESULT_LINES

Row = Headline | Form

MAX_HITS = 4
"""How many hits of a line count."""
MAX_LINE_BYTES = 4000
"""How much of a line is searched."""


Hit = tuple[int, int]
"""The number of a row, and the byte of the line at which it matches."""
Line = tuple[int, int, list[Hit]]
"""Where a line of interest starts and ends, and its hits."""


class Engine:
    """Finds the lines that match one of its rows."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self.rows = rows
        self._patterns = [re.compile(row.pattern.encode()) for row in rows]
        self._phases = frozenset(
            number for number, row in enumerate(rows) if row.topic is Topic.PHASE
        )
        self._database = hyperscan.Database()
        self._database.compile(
            expressions=[_scanned(row.pattern) for row in rows], ids=range(len(rows))
        )

    def lines(self, text: bytes, is_booting: Callable[[], bool]) -> Iterator[Line]:
        """Yield the lines of interest of some whole lines.

        `is_booting` is asked at each phase of a boot: if it has no phases to come,
        lines such as prompts are of no interest.
        """
        phases, hits_of = self._phases, self._hits
        start = end = 0
        rows: set[int] = set()
        for row, over in self._scan(text):
            if over > end and rows:  # the line before is whole: it may end the boot
                if hits := hits_of(text[start:end], rows):
                    yield start, end, hits
                rows = set()
            if row in phases and not is_booting():
                continue
            if over > end:
                start = text.rfind(b"\n", end, over - 1) + 1 or end
                end = text.find(b"\n", over - 1) + 1
            rows.add(row)
        if hits := hits_of(text[start:end], rows):
            yield start, end, hits

    def _scan(self, text: bytes) -> list[tuple[int, int]]:
        """Return which rows end where, in the order of their ends."""
        ends: list[tuple[int, int]] = []
        self._database.scan(
            text,
            lambda row, _start, over, _flags, _context: ends.append((row, over)),
            scratch=hyperscan.Scratch(self._database),  # another thread may scan, too
        )
        return ends

    def _hits(self, line: bytes, rows: set[int]) -> list[Hit]:
        """Return the hits in a line, from left to right; one row at each place."""
        line = line[:MAX_LINE_BYTES]
        if len(rows) == 1:  # as nearly always
            (row,) = rows
            found = islice(self._patterns[row].finditer(line), MAX_HITS)
            return [(row, match.start()) for match in found]
        hits: list[Hit] = []
        over = 0
        while rows and len(hits) < MAX_HITS:
            spans = [
                (match.start(), row, match.end())
                for row in rows
                if (match := self._patterns[row].search(line, over))
            ]
            if not spans:
                break
            at, row, over = min(spans)
            hits.append((row, at))
        return hits


@cache
def faults_engine() -> Engine:
    """Return the engine for all lines but those of test results."""
    return Engine([*FAULT_LINES, *BUILD_LINES, *BOOT_LINES, *PHASE_LINES])


@cache
def full_engine() -> Engine:
    """Return the engine for all lines, with those of test results."""
    return Engine(
        [*FAULT_LINES, *BUILD_LINES, *BOOT_LINES, *RESULT_LINES, *PHASE_LINES]
    )


def _scanned(pattern: str) -> bytes:
    r"""Return what Hyperscan looks for; it ends wherever the pattern does.

    Of two matches near each other of what begins with `:\d+`, Hyperscan 5.4 loses the
    second, if the table is large. Of one digit it does not.
    """
    return re.sub(r"^:\\d\+", r"\\d", pattern).encode()

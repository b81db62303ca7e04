# SPDX-License-Identifier: LGPL-2.1-or-later
"""All that is looked for, compiled: one scan by Hyperscan, linear in what is printed.

Hyperscan tells which rows end where; where they begin, and which of them counts, is a
matter of the few lines that it names.
"""

import re
from collections.abc import Callable, Iterator
from itertools import islice

import hyperscan

from kci_log_parser.build_lines import SIGNS, Sign, Topic
from kci_log_parser.headlines import MARKERS, Marker

ROWS: list[Marker | Sign] = [*MARKERS, *SIGNS]
MAX_HITS = 4
"""How many places of a line are looked at, and how far into it, in bytes."""
MAX_LINE = 4000


Line = tuple[int, int, list[tuple[int, int]]]
"""Where a line starts and ends, and what stands in it: a row's number and its place."""


def _database() -> hyperscan.Database:
    database = hyperscan.Database()
    database.compile(
        expressions=[_scanned(row.pattern) for row in ROWS], ids=range(len(ROWS))
    )
    return database


def _scanned(pattern: str) -> bytes:
    r"""Return what Hyperscan looks for; it ends wherever the pattern does.

    Of two matches near each other of what begins with `:\d+`, Hyperscan 5.4 loses the
    second, if the table is large. Of one digit it does not.
    """
    return re.sub(r"^:\\d\+", r"\\d", pattern).encode()


def _is_phase(row: Marker | Sign) -> bool:
    return isinstance(row, Sign) and row.topic is Topic.PHASE


_DATABASE = _database()
_PATTERNS = [re.compile(row.pattern.encode()) for row in ROWS]
_PHASES = frozenset(number for number, row in enumerate(ROWS) if _is_phase(row))


def lines_of_interest(text: bytes, booting: Callable[[], bool]) -> Iterator[Line]:
    """Yield each of some whole lines in which something stands.

    `booting`, asked at each phase, says whether a boot has phases to come.
    """
    start = end = 0
    rows: set[int] = set()
    for row, over in _hits(text):
        if over > end and rows:  # the line before is whole, and may change `booting`
            if found := _places(text[start : min(end, start + MAX_LINE)], rows):
                yield start, end, found
            rows = set()
        if row in _PHASES and not booting():
            continue
        if over > end:
            start = text.rfind(b"\n", end, over - 1) + 1 or end
            end = text.find(b"\n", over - 1) + 1
        rows.add(row)
    if found := _places(text[start : min(end, start + MAX_LINE)], rows):
        yield start, end, found


def _hits(text: bytes) -> list[tuple[int, int]]:
    """Scan; return which rows end where, in the order of their ends."""
    hits: list[tuple[int, int]] = []
    _DATABASE.scan(
        text,
        lambda row, _start, over, _flags, _context: hits.append((row, over)),
        scratch=hyperscan.Scratch(_DATABASE),  # another thread may scan as well
    )
    return hits


def _places(line: bytes, rows: set[int]) -> list[tuple[int, int]]:
    """Return what stands in a line, from left to right: of each place the first row."""
    if len(rows) == 1:  # as nearly always
        (row,) = rows
        hits = islice(_PATTERNS[row].finditer(line), MAX_HITS)
        return [(row, hit.start()) for hit in hits]
    found: list[tuple[int, int]] = []
    over = 0
    while rows and len(found) < MAX_HITS:
        spans = [
            (hit.start(), row, hit.end())
            for row in rows
            if (hit := _PATTERNS[row].search(line, over))
        ]
        if not spans:
            break
        place, row, over = min(spans)
        found.append((row, place))
    return found

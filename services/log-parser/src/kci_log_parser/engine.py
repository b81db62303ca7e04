# SPDX-License-Identifier: LGPL-2.1-or-later
"""All that is looked for, compiled: one scan by RE2, linear in whatever is printed."""

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

import re2  # type: ignore[import-untyped]

from kci_log_parser.markers import MARKERS, Marker
from kci_log_parser.signs import SIGNS, Sign, Topic

ROWS: list[Marker | Sign] = [*MARKERS, *SIGNS]
MAX_HITS = 4
"""How many places of a line are looked at, and how far into it, in bytes."""
MAX_LINE = 4000


Line = tuple[int, int, list[tuple[int, int]]]
"""Where a line starts and ends, and what stands in it: a row's number and its place."""


def _scan(pattern: str) -> Any:
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1  # any byte is a character
    return re2.compile(pattern.encode(), options)


def _is_phase(row: Marker | Sign) -> bool:
    return isinstance(row, Sign) and row.topic is Topic.PHASE


_ALL = _scan("|".join(row.pattern for row in ROWS))
_ALL_BUT_PHASES = _scan("|".join(row.pattern for row in ROWS if not _is_phase(row)))
# RE2 is slow to tell which row it was; at a place that is known, Python's `re` is fast.
_WHICH = re.compile("|".join(f"({row.pattern})" for row in ROWS).encode())
assert _WHICH.groups == len(ROWS), "a row's pattern must not capture"


def lines_of_interest(text: bytes, booting: Callable[[], bool]) -> Iterator[Line]:
    """Yield each line in which something stands.

    `booting`, asked after each line, says whether a boot has phases to come.
    """
    end = 0
    while True:
        phases = booting()
        for line in _lines(_ALL if phases else _ALL_BUT_PHASES, text, end):
            yield line
            if booting() is not phases:
                end = line[1]
                break
        else:
            return


def _lines(scan: Any, text: bytes, begin: int) -> Iterator[Line]:
    start = end = begin
    found: list[tuple[int, int]] = []
    for hit in scan.finditer(text, begin):
        place, over = hit.span()
        if place >= end:
            if found:
                yield start, end, found
                found = []
            start = text.rfind(b"\n", end, place) + 1 or end
            end = text.find(b"\n", place) + 1
        if len(found) < MAX_HITS and place - start < MAX_LINE:
            found.append((_row(text[place:over]), place - start))
    if found:
        yield start, end, found


@lru_cache(maxsize=4096)  # most rows are words that never change
def _row(said: bytes) -> int:
    """Return the number of the row that fits, the first one before others."""
    found = _WHICH.match(said)
    return len(ROWS) if found is None else int(found.lastindex or 0) - 1

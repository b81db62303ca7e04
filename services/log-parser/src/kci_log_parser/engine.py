# SPDX-License-Identifier: LGPL-2.1-or-later
"""All that is looked for, compiled: one scan by RE2, linear in whatever is printed."""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import re2  # type: ignore[import-untyped]

from kci_log_parser.markers import MARKERS, Marker
from kci_log_parser.signs import FIRST, SIGNS, Sign

ROWS: list[Marker | Sign] = [*MARKERS, *SIGNS]
MAX_HITS = 4
"""How many places of a line are looked at, and how far into it, in bytes."""
MAX_LINE = 4000


def _scan(pattern: str) -> Any:
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1  # any byte is a character
    return re2.compile(pattern.encode(), options)


_ANY = _scan("|".join(row.pattern for row in ROWS))
# RE2 is slow to tell which row it was; at a place that is known, Python's `re` is fast.
_WHICH = re.compile("|".join(f"({row.pattern})" for row in ROWS).encode())
assert _WHICH.groups == len(ROWS), "a row's pattern must not capture"

_FIRST = {name: _scan("|".join(patterns)) for name, patterns in FIRST.items()}
_FIRST_OF_ALL = _scan("|".join("|".join(patterns) for patterns in FIRST.values()))


def firsts(text: bytes, start: int, end: int) -> list[tuple[int, str]]:
    """Return where between two places the first sign of each phase stands."""
    soonest = _FIRST_OF_ALL.search(text, start, end)  # mostly there is none
    if soonest is None:
        return []
    begin = text.rfind(b"\n", start, soonest.start()) + 1 or start
    found = ((name, scan.search(text, begin, end)) for name, scan in _FIRST.items())
    return [(int(hit.start()), name) for name, hit in found if hit is not None]


def lines_of_interest(text: bytes) -> Iterator[tuple[int, int, list[tuple[int, int]]]]:
    """Yield each line in which something stands: its start, its end, and what.

    What stands there is told as a row's number and its place in the line.
    """
    start = end = 0
    found: list[tuple[int, int]] = []
    for hit in _ANY.finditer(text):
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

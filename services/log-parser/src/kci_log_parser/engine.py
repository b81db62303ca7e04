# SPDX-License-Identifier: LGPL-2.1-or-later
"""The table of markers, compiled: RE2 is linear in whatever a board may print."""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import re2  # type: ignore[import-untyped]

from kci_log_parser.markers import BANNER, LEVEL, MARKERS, Marker


def _compile(pattern: str) -> Any:
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1  # any byte is a character
    return re2.compile(pattern.encode(), options)


_CANDIDATE = _compile("|".join([*(m.pattern for m in MARKERS), LEVEL.pattern, BANNER]))
# A subsystem may stand before a headline: `watchdog: `, `rcu: INFO: `, `[ `, `CPU 1 `.
_HEADLINE = _compile(
    r"^ *(?:\[ )?(?:[\w#./()-][\w #./()-]{0,40}: ){0,3}(?:CPU \d+ )?"
    f"(?:{'|'.join(f'({marker.pattern})' for marker in MARKERS)})"
)
assert _HEADLINE.groups == len(MARKERS), "a marker's pattern must not capture"
_LEVEL = _compile(LEVEL.pattern)
_BANNER = _compile(BANNER)


def candidates(text: bytes) -> Iterator[int]:
    """Yield where in `text` something stands that may be part of a headline."""
    return (hit.start() for hit in _CANDIDATE.finditer(text))


@lru_cache(maxsize=1024)  # a board that floods its console repeats itself
def marker_of(text: str) -> Marker | None:
    """Return the marker of a line that is clean."""
    found = _HEADLINE.search(text.encode())
    return None if found is None else MARKERS[int(found.lastindex) - 1]


def has_level(raw: bytes) -> bool:
    """Say whether a line is one of `dmesg -x` at a level that means trouble."""
    return _LEVEL.search(raw) is not None


def has_banner(raw: bytes) -> bool:
    """Say whether a kernel says its name."""
    return _BANNER.search(raw) is not None

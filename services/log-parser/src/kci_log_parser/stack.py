# SPDX-License-Identifier: LGPL-2.1-or-later
"""The functions that a report's stack names, out of the raw bytes of a log."""

import re
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice

from kci_log_parser.signature import COMPILED, REPORTING, SERVING

CALLER = re.compile(rb"\] ?\[ *([TC]\d+)\]")
"""Who printed a line: CONFIG_PRINTK_CALLER tells the lines of two CPUs apart."""
FRAMES_OF = rb"\] ?\[ *%s\][^\n]{0,200}\+0x"
LINES_OF_A_SPEAKER = 4
"""How much each caller says on average where callers tell anything."""
FRAME = re.compile(rb"\+0x[0-9a-f]+(?:/0x[0-9a-f]+)?(?: \[\w+\])?")
IN_NAMES = frozenset(
    b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.$"
)
NAMES = bytes(code if code in IN_NAMES else 32 for code in range(256))
"""Turns all that is in no name into blanks."""
LONGEST_NAME = 120
DEPTH = 60
"""How many lines are searched for the stack."""
MOST_LOOKED_AT = 200
"""Frames of a window: more are no stack but a flood."""


def own_functions(window: bytes, most: int) -> list[str]:
    """Return the first functions of a stack that may be to blame."""
    blamed: list[str] = []
    served: list[str] = []
    for name, _ in islice(_frames(window), MOST_LOOKED_AT):
        own = _own(name)
        if own is not None:
            (served if SERVING.match(own) else blamed).append(own)
            if len(blamed) == most:
                break
    return blamed or served[:most]


def trace(window: bytes, most: int) -> list[str]:
    """Return the frames of a stack below the reporting code."""
    speaker = _speaker(window)
    frames: list[str] = []
    for name, at in islice(_frames(window), MOST_LOOKED_AT):
        if len(frames) == most:
            break
        rest = FRAME.match(window, at)
        if rest and _own(name) and _says(window, at, speaker):
            frames.append((name + rest[0]).decode("ascii", "replace"))
    return frames


def _frames(window: bytes) -> Iterator[tuple[bytes, int]]:
    """Yield the name of each function that is certain, and where it ends."""
    at, line, counted = window.find(b"+0x"), 0, 0
    while at >= 0:
        line, counted = line + window.count(b"\n", counted, at), at
        if line >= DEPTH:
            break
        before = window[max(0, at - LONGEST_NAME) : at].translate(NAMES)
        name = before.rpartition(b" ")[2].lstrip(b".")
        # After a question mark stands what happened to lie on the stack.
        if name and not window.endswith(b"? ", 0, at - len(name)):
            yield name, at
        at = window.find(b"+0x", at + 3)


@lru_cache(maxsize=4096)
def _own(name: bytes) -> str | None:
    """Return a function's name in the source; None for reporting code."""
    plain = COMPILED.sub("", name.decode("ascii", "replace"))
    return None if plain[0].isdigit() or REPORTING.match(plain) else plain


def _speaker(window: bytes) -> bytes | None:
    """Return who reports, if others talk between and can be told apart.

    A stack that another CPU printed is not by the headline's speaker, but wanted.
    """
    end = window.find(b"\n")
    headline = CALLER.search(window, 0, end if end >= 0 else len(window))
    if headline is None:
        return None
    said = Counter(CALLER.findall(window))
    few = 1 < len(said) <= said.total() / LINES_OF_A_SPEAKER
    stack = re.search(FRAMES_OF % re.escape(headline[1]), window) if few else None
    return headline[1] if stack else None


def _says(window: bytes, end: int, speaker: bytes | None) -> bool:
    """Say whether a line up to some place is by a speaker, or may be."""
    if speaker is None:
        return True
    start = max(window.rfind(b"\n", 0, end) + 1, end - 400)
    said = CALLER.search(window, start, end)
    return said is None or said[1] == speaker

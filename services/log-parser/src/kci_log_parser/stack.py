# SPDX-License-Identifier: LGPL-2.1-or-later
"""The functions of the stack in a report, from the raw bytes of a log."""

import re
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice

from kci_log_parser.signature import COMPILED, REPORTING, SERVING

CALLER = re.compile(rb"\] ?\[ *([TC]\d+)\]")
"""The task or CPU that printed a line, with CONFIG_PRINTK_CALLER."""
FRAMES_OF = rb"\] ?\[ *%s\][^\n]{0,200}\+0x"
LINES_OF_A_CALLER = 4
"""How many lines each caller prints on average, if their reports can be told apart."""
FRAME = re.compile(rb"\+0x[0-9a-f]+(?:/0x[0-9a-f]+)?(?: \[\w+\])?")
IN_NAMES = frozenset(
    b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.$"
)
NAMES = bytes(code if code in IN_NAMES else 32 for code in range(256))
"""Translates all bytes that are in no name to blanks."""
MAX_NAME_BYTES = 120
STACK_LINES = 60
"""How many lines are searched for the stack."""
MAX_FRAMES = 200
"""How many frames are looked at; more are a flood, not a stack."""


def own_functions(window: bytes, most: int) -> list[str]:
    """Return the first functions of a stack that may be at fault."""
    suspects: list[str] = []
    serving: list[str] = []
    for name, _ in islice(_frames(window), MAX_FRAMES):
        own = _own(name)
        if own is not None:
            (serving if SERVING.match(own) else suspects).append(own)
            if len(suspects) == most:
                break
    return suspects or serving[:most]


def trace(window: bytes, most: int) -> list[str]:
    """Return the frames of a stack below the reporting code."""
    caller = _caller(window)
    frames: list[str] = []
    for name, at in islice(_frames(window), MAX_FRAMES):
        if len(frames) == most:
            break
        rest = FRAME.match(window, at)
        if rest and _own(name) and _is_by(window, at, caller):
            frames.append((name + rest[0]).decode("ascii", "replace"))
    return frames


def _frames(window: bytes) -> Iterator[tuple[bytes, int]]:
    """Yield the name of each function that was called for sure, and where it ends."""
    at, line, counted = window.find(b"+0x"), 0, 0
    while at >= 0:
        line, counted = line + window.count(b"\n", counted, at), at
        if line >= STACK_LINES:
            break
        before = window[max(0, at - MAX_NAME_BYTES) : at].translate(NAMES)
        name = before.rpartition(b" ")[2].lstrip(b".")
        # After a question mark is what was left on the stack by earlier calls.
        if name and not window.endswith(b"? ", 0, at - len(name)):
            yield name, at
        at = window.find(b"+0x", at + 3)


@lru_cache(maxsize=4096)
def _own(name: bytes) -> str | None:
    """Return a function's name in the source; None for reporting code."""
    plain = COMPILED.sub("", name.decode("ascii", "replace"))
    return None if plain[0].isdigit() or REPORTING.match(plain) else plain


def _caller(window: bytes) -> bytes | None:
    """Return the caller of a report, if others print between and can be told apart.

    If another CPU printed the stack it is not by the headline's caller, but needed.
    """
    end = window.find(b"\n")
    headline = CALLER.search(window, 0, end if end >= 0 else len(window))
    if headline is None:
        return None
    callers = Counter(CALLER.findall(window))
    few = 1 < len(callers) <= callers.total() / LINES_OF_A_CALLER
    stack = re.search(FRAMES_OF % re.escape(headline[1]), window) if few else None
    return headline[1] if stack else None


def _is_by(window: bytes, end: int, caller: bytes | None) -> bool:
    """Return whether a line up to some place is by a caller, or may be."""
    if caller is None:
        return True
    start = max(window.rfind(b"\n", 0, end) + 1, end - 400)
    match = CALLER.search(window, start, end)
    return match is None or match[1] == caller

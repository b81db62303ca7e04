# SPDX-License-Identifier: LGPL-2.1-or-later
"""The functions that a report's stack names, out of the raw bytes of a log."""

import re
from collections import Counter
from collections.abc import Iterator
from itertools import islice

from kci_log_parser.signature import COMPILED, REPORTING

CALLER = re.compile(rb"\] ?\[ *([TC]\d+)\]")
"""Who printed a line: CONFIG_PRINTK_CALLER tells the lines of two CPUs apart."""
FRAME = re.compile(
    rb"(\? )?([A-Za-z_][\w.$]*)\+0x[0-9a-f]+(?:/0x[0-9a-f]+)?(?: \[\w+\])?"
)
FRAMES_OF = rb"\] ?\[ *%s\][^\n]{0,200}\+0x"
LINES_OF_A_SPEAKER = 4
"""How much each caller says on average where callers tell anything."""
NAME = re.compile(rb"[\w.$]*$")
LONGEST_NAME = 120
MOST_LOOKED_AT = 200
"""Frames of a window: more are no stack but a flood."""


def own_functions(window: bytes) -> Iterator[str]:
    """Yield the functions of a stack that are not the reporting code itself."""
    for frame in islice(_frames(window, None), MOST_LOOKED_AT):
        name = COMPILED.sub("", frame.partition("+")[0])
        if not REPORTING.match(name):
            yield name


def trace(window: bytes, most: int) -> list[str]:
    """Return the frames of a stack below the reporting code."""
    frames = islice(_frames(window, _speaker(window)), MOST_LOOKED_AT)
    own = (f for f in frames if not REPORTING.match(f.partition("+")[0]))
    return list(islice(own, most))


def _frames(window: bytes, speaker: bytes | None) -> Iterator[str]:
    """Yield `function+0x1/0x2` for each frame that is certain."""
    at = window.find(b"+0x")
    while at >= 0:
        start = max(window.rfind(b"\n", 0, at) + 1, at - 400)
        name = NAME.search(window, max(start, at - LONGEST_NAME), at)
        begin = name.start() if name else at
        if window[begin - 2 : begin] == b"? " and begin - 2 >= start:
            begin -= 2  # what happened to lie on the stack
        found = FRAME.match(window, begin)
        if found and not found[1] and _says(window, start, at, speaker):
            yield found[0].decode("ascii", "replace")
        at = window.find(b"+0x", at + 3)


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


def _says(window: bytes, start: int, end: int, speaker: bytes | None) -> bool:
    if speaker is None:
        return True
    said = CALLER.search(window, start, end)
    return said is None or said[1] == speaker

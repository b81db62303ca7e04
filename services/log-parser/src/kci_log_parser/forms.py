# SPDX-License-Identifier: LGPL-2.1-or-later
"""A kind of line that is of interest, besides the headlines of faults."""

from dataclasses import dataclass
from enum import StrEnum


class Topic(StrEnum):
    """What a line is about, and so who reads it."""

    FAULT = "fault"
    BUILD = "build"
    BOOT = "boot"
    RESULT = "result"
    PHASE = "phase"
    """A phase of a boot: looked for until it is there; consoles are full of prompts."""


@dataclass(frozen=True)
class Form:
    """One form of line."""

    topic: Topic
    name: str
    """What its reader calls it."""
    pattern: str
    """In what Hyperscan and Python's `re` have in common."""


def forms(topic: Topic, table: dict[str, list[str]]) -> list[Form]:
    """Return the rows of a table that has some patterns for each name."""
    return [
        Form(topic, name, pattern)
        for name, patterns in table.items()
        for pattern in patterns
    ]

# SPDX-License-Identifier: LGPL-2.1-or-later
"""Kernel configurations: fragments are merged, and lost options found; pure."""

import re
from collections.abc import Iterable

SET = re.compile(r"(CONFIG_\w+)=(.*)")
UNSET = re.compile(r"# (CONFIG_\w+) is not set")


def options(lines: Iterable[str]) -> dict[str, str]:
    """Return the options that configuration lines set; `n` for those not set."""
    values: dict[str, str] = {}
    for line in lines:
        if match := SET.fullmatch(line.strip()):
            values[match[1]] = match[2]
        elif match := UNSET.fullmatch(line.strip()):
            values[match[1]] = "n"
    return values


def merge(base: str, fragments: Iterable[str]) -> str:
    """Return a configuration with fragments on top; an option's last line wins."""
    merged = options(line for text in fragments for line in text.splitlines())
    kept = [line for line in base.splitlines() if not options([line]).keys() & merged]
    return "\n".join([*kept, *(line_of(*one) for one in merged.items()), ""])


def line_of(name: str, value: str) -> str:
    """Return the line that sets an option."""
    return f"# {name} is not set" if value == "n" else f"{name}={value}"


def missing(fragments: Iterable[str], config: dict[str, str]) -> list[str]:
    """List the lines of fragments that the final configuration does not follow."""
    asked = options(line for text in fragments for line in text.splitlines())
    return [
        line_of(name, value)
        for name, value in asked.items()
        if config.get(name, "n") != value
    ]

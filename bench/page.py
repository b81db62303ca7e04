# SPDX-License-Identifier: LGPL-2.1-or-later
"""The page that has the figures of all measurements."""

from pathlib import Path

PAGE = Path("docs/performance.md")


def write_between(name: str, lines: list[str]) -> None:
    """Replace what stands between two comments `NAME: begin` and `NAME: end`."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    page = PAGE.read_text()
    head, tail = page.partition(begin)[0], page.partition(end)[2]
    PAGE.write_text("\n".join([head + begin, *lines, end + tail]))

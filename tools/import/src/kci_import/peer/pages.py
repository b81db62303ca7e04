# SPDX-License-Identifier: LGPL-2.1-or-later
"""All nodes of a server that has no order, by spans of time that fit into one answer.

Pages of a list without an order overlap and leave gaps; what was created in one span of
time, and fits into one answer, cannot.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Protocol

from kci_import.peer.client import PAGE, Page, Window

TRIES = 3


class Pages(Protocol):
    """What is asked of a peer here."""

    async def count(self, window: Window) -> int:
        """Tell how many nodes were created in a span of time."""

    async def page(self, window: Window, offset: int) -> Page:
        """Return some of the nodes that were created in a span of time."""


@dataclass(frozen=True)
class Found:
    """All nodes of a span of time."""

    window: Window
    nodes: list[dict[str, Any]]
    missing: int = 0
    """How many more there are that the peer did not show."""


async def walk(peer: Pages, whole: Window) -> AsyncIterator[Found]:
    """Yield the nodes of a span of time, the oldest first, in parts of it."""
    waiting = [whole]
    while waiting:
        window = waiting.pop()
        total = await peer.count(window)
        halves = window.halves()
        if total > PAGE and halves:
            waiting += reversed(halves)
            continue
        page = await peer.page(window, 0) if total else Page([], 0)
        if page.total > len(page.items):
            if halves:  # more came in the meantime
                waiting += reversed(halves)
                continue
            yield await _one_millisecond(peer, window)
            continue
        yield Found(window, page.items)


async def _one_millisecond(peer: Pages, window: Window) -> Found:
    """Collect the pages of what no time can part, until all were seen."""
    seen: dict[str, dict[str, Any]] = {}
    total = 0
    for _ in range(TRIES):
        offset = 0
        while page := await peer.page(window, offset):
            total = page.total
            seen |= {str(node.get("id")): node for node in page.items}
            offset += len(page.items)
            if not page.items or offset >= total:
                break
        if len(seen) >= total:
            break
    return Found(window, list(seen.values()), max(0, total - len(seen)))

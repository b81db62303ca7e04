# SPDX-License-Identifier: LGPL-2.1-or-later
"""Lists all nodes of a server whose lists have no order.

Pages of an unordered list may overlap and omit nodes. So the time since the first node
is divided into windows whose nodes fit into one page each.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

from kci_import.peer.client import NodeJson, Page, Window

TRIES = 3
"""How often all pages of one millisecond are fetched, until no node is missing."""


class Pages(Protocol):
    """The server's calls that listing uses."""

    page_size: int
    """How many nodes one page may hold."""

    async def count(self, window: Window) -> int:
        """Return how many nodes were created in a span of time."""

    async def page(self, window: Window, offset: int) -> Page:
        """Return some of the nodes that were created in a span of time."""


@dataclass(frozen=True)
class WindowNodes:
    """The nodes that were created in a window."""

    window: Window
    nodes: list[NodeJson]
    missing: int = 0
    """How many more nodes the server counts but does not return."""


async def walk(peer: Pages, whole: Window) -> AsyncIterator[WindowNodes]:
    """Yield the nodes of a span of time, window by window, the oldest first."""
    waiting = [whole]
    while waiting:
        window = waiting.pop()
        total = await peer.count(window)
        halves = window.halves()
        if total > peer.page_size and halves:
            waiting += reversed(halves)
            continue
        page = await peer.page(window, 0) if total else Page([], 0)
        if page.total <= len(page.items):
            yield WindowNodes(window, page.items)
        elif halves:  # nodes were created since they were counted
            waiting += reversed(halves)
        else:
            yield await _all_pages(peer, window)


async def _all_pages(peer: Pages, window: Window) -> WindowNodes:
    """Collect the pages of one millisecond until no node is missing."""
    nodes: dict[str, NodeJson] = {}
    total = 0
    for _ in range(TRIES):
        offset = 0
        while page := await peer.page(window, offset):
            total = page.total
            nodes |= {str(node.get("id")): node for node in page.items}
            offset += len(page.items)
            if not page.items or offset >= total:
                break
        if len(nodes) >= total:
            break
    return WindowNodes(window, list(nodes.values()), max(0, total - len(nodes)))

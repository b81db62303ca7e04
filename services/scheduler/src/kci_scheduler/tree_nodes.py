# SPDX-License-Identifier: LGPL-2.1-or-later
"""Nodes of one tree, with the way from each to the root."""

from collections.abc import Iterable, Iterator

from kci_shared.models import Node


class Family:
    """Nodes of one tree; whose parents are needed, has them here."""

    def __init__(self, nodes: Iterable[Node]) -> None:
        self._nodes = {node.id: node for node in nodes}

    def __iter__(self) -> Iterator[Node]:
        return iter(self._nodes.values())

    def line(self, node: Node) -> list[Node]:
        """Return a node, its parent, and so on to the root."""
        line = [node]
        while (parent := self._nodes.get(line[-1].parent or "")) is not None:
            line.append(parent)
        return line

# SPDX-License-Identifier: LGPL-2.1-or-later
"""The API's calls on nodes, as services use them; `ApiClient` has them all."""

from typing import Any, Protocol

from kci_shared.models import NewNode, Node, ResultTree


class Nodes(Protocol):
    """Reads, creates and changes nodes; raises the errors of `kci_shared.errors`."""

    async def get(self, node_id: str) -> Node | None:
        """Return a node, or None if it does not exist."""
        ...

    async def find(self, **filters: Any) -> list[Node]:
        """Return all nodes that match `field__op=value` filters, oldest first.

        With `limit` or `sort` only that page is returned.
        """
        ...

    async def count(self, **filters: Any) -> int:
        """Return how many nodes match."""
        ...

    async def create(self, node: NewNode) -> Node:
        """Create a node; one that exists with the same key is returned."""
        ...

    async def create_many(self, nodes: list[NewNode]) -> list[Node]:
        """Create nodes that carry keys, all or none."""
        ...

    async def update(
        self, node_id: str, *, if_version: int | None = None, **changes: Any
    ) -> Node:
        """Change fields of a node; maps are merged, None removes a key.

        With `if_version` only that version is changed, and `Conflict` raised otherwise.
        """
        ...

    async def put_tree(self, node_id: str, tree: ResultTree) -> list[Node]:
        """Store nodes below a node in one step; return all, the node itself first."""
        ...

# SPDX-License-Identifier: LGPL-2.1-or-later
"""Change one node, or one tree, on behalf of a caller."""

import dataclasses
from collections.abc import Callable
from datetime import datetime

from kci_api.callers.rules import Caller
from kci_api.nodes.changes import editable_fields, merged, patched, replaced
from kci_api.nodes.fencing import Writer, claimed_node, fence_of
from kci_api.nodes.permissions import check_edit, may_edit, require
from kci_api.nodes.plans import Change, Fence, Plan, with_event
from kci_api.nodes.rules import WriteOptions, check_version
from kci_api.nodes.store import NodeStore
from kci_api.nodes.stored import StoredNode
from kci_api.nodes.trees import TreePlanner, number_of_nodes
from kci_api.threads import computed
from kci_api.times import now
from kci_shared.models import NewNode, NodePatch, ResultTree

Edit = Callable[[StoredNode, datetime], StoredNode]


class Editor:
    """Changes nodes for one caller, with the options of its request."""

    def __init__(self, store: NodeStore, caller: Caller, options: WriteOptions) -> None:
        self._store = store
        self._caller = caller
        self._options = options

    async def patch(self, node_id: str, patch: NodePatch) -> StoredNode:
        """Merge the maps, and set the other fields, that a patch has."""
        return await self._edit(node_id, lambda node, at: patched(node, patch, at))

    async def replace(self, node_id: str, body: NewNode) -> StoredNode:
        """Set each editable field that a body has."""
        return await self._edit(node_id, lambda node, at: replaced(node, body, at))

    async def put_tree(self, root_id: str, tree: ResultTree) -> list[StoredNode]:
        """Merge a tree into the stored one; return its nodes flat, root first."""

        async def plan() -> Plan:
            root, fences = await self._read(root_id)
            at = now()
            fields = editable_fields(root, tree.node, ("body", "node"))
            after = merged(root, fields, at)
            check_edit(self._caller, root, after)
            descendants = await self._store.find_by("ancestors", [root.id])
            planner = TreePlanner(self._caller, descendants, at)
            planned = await computed(
                len(descendants) + number_of_nodes(tree.child_nodes),
                lambda: planner.plan(root, after, tree.child_nodes),
            )
            return dataclasses.replace(planned, fences=fences)

        return await self._store.apply(self._caller.name, plan)

    async def _edit(self, node_id: str, edit: Edit) -> StoredNode:
        async def plan() -> Plan:
            before, fences = await self._read(node_id)
            after = edit(before, now())
            check_edit(self._caller, before, after)
            return Plan([after], updates=self._updates(before, after), fences=fences)

        (node,) = await self._store.apply(self._caller.name, plan)
        return node

    async def _read(self, node_id: str) -> tuple[StoredNode, list[Fence]]:
        node = await self._store.read(node_id)
        require(may_edit(self._caller, node))
        check_version(node, self._options)
        writer = Writer(self._caller, self._options.token)
        claimed = await claimed_node(self._store, writer, node)
        # the update of the node itself fails anyway if its version changed
        return node, [fence_of(claimed)] if claimed and claimed is not node else []

    def _updates(self, before: StoredNode, after: StoredNode) -> list[Change]:
        if after is before:
            return []
        if self._options.quiet:
            return [Change(before, after)]
        return [with_event(before, after)]

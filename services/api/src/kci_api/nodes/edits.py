# SPDX-License-Identifier: LGPL-2.1-or-later
"""Changes of one node, or of one tree: who may, on which terms, and to what."""

import dataclasses
from collections.abc import Callable
from datetime import datetime

from kci_api.callers.rules import Caller
from kci_api.nodes.changes import merged, patched, replaced, said_of
from kci_api.nodes.fencing import Writer, held_for, still_held
from kci_api.nodes.permissions import check_edit, may_edit, require
from kci_api.nodes.plans import Change, Fence, Plan, told
from kci_api.nodes.rules import Terms, check_terms
from kci_api.nodes.store import NodeStore
from kci_api.nodes.stored import StoredNode
from kci_api.nodes.trees import TreePlanner
from kci_api.times import now
from kci_shared.models import NewNode, NodePatch, ResultTree

Edit = Callable[[StoredNode, datetime], StoredNode]


class Editor:
    """One caller's hand on the nodes."""

    def __init__(self, store: NodeStore, caller: Caller, terms: Terms) -> None:
        self._store = store
        self._caller = caller
        self._terms = terms

    async def patch(self, node_id: str, patch: NodePatch) -> StoredNode:
        """Merge maps and set the other fields that the patch names."""
        return await self._edit(node_id, lambda node, at: patched(node, patch, at))

    async def replace(self, node_id: str, body: NewNode) -> StoredNode:
        """Set each field that the body names to what it says."""
        return await self._edit(node_id, lambda node, at: replaced(node, body, at))

    async def put_tree(self, root_id: str, tree: ResultTree) -> list[StoredNode]:
        """Merge a tree into what is stored; return it flat, root first."""

        async def plan() -> Plan:
            root, fences = await self._read(root_id)
            at = now()
            after = merged(root, said_of(root, tree.node, ("body", "node")), at)
            check_edit(self._caller, root, after)
            below = await self._store.among("ancestors", [root.id])
            planner = TreePlanner(self._caller, below, at)
            planned = planner.plan(root, after, tree.child_nodes)
            return dataclasses.replace(planned, fences=fences)

        return await self._store.carry_out(self._caller.name, plan)

    async def _edit(self, node_id: str, edit: Edit) -> StoredNode:
        async def plan() -> Plan:
            before, fences = await self._read(node_id)
            after = edit(before, now())
            check_edit(self._caller, before, after)
            return Plan([after], changed=self._changes(before, after), fences=fences)

        (node,) = await self._store.carry_out(self._caller.name, plan)
        return node

    async def _read(self, node_id: str) -> tuple[StoredNode, list[Fence]]:
        node = await self._store.read(node_id)
        require(may_edit(self._caller, node))
        check_terms(node, self._terms)
        writer = Writer(self._caller, self._terms.token)
        held = await held_for(self._store, writer, node)
        # of the node itself the version tells enough
        return node, [still_held(held)] if held and held is not node else []

    def _changes(self, before: StoredNode, after: StoredNode) -> list[Change]:
        if after is before:
            return []
        if self._terms.quiet:
            return [Change(before, after)]
        return [told(before, after)]

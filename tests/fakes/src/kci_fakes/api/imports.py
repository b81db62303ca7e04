# SPDX-License-Identifier: LGPL-2.1-or-later
"""Imports of the fake API: nodes of another system, with their ids and times."""

from kci_fakes.api.tree import Tree
from kci_shared.errors import Invalid
from kci_shared.models import Fate, Imported, ImportedNode, State


class Imports:
    """What was imported into a tree, by id."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self.nodes: dict[str, ImportedNode] = {}

    def take(self, new: ImportedNode) -> Imported:
        """Import a node, unless it is an orphan or not done."""
        if new.node.state is not State.DONE:
            reason = f"its state is {new.node.state}: only done nodes can be imported"
            return Imported(id=new.id, fate=Fate.REFUSED, reason=reason)
        needs = new.node.parent or new.node.data.get("fail_node")
        if needs is not None and needs not in self._tree.nodes:
            reason = f"parent {needs} is not here"
            return Imported(id=new.id, fate=Fate.ORPHAN, reason=reason, needs=needs)
        before = self.nodes.get(new.id)
        if before == new:
            return Imported(id=new.id, fate=Fate.UNCHANGED)
        try:
            self._tree.put_imported(new)
        except Invalid as error:
            return Imported(id=new.id, fate=Fate.REFUSED, reason=str(error))
        self.nodes[new.id] = new
        return Imported(id=new.id, fate=Fate.CHANGED if before else Fate.CREATED)

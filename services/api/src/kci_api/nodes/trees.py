# SPDX-License-Identifier: LGPL-2.1-or-later
"""A node with all that hangs below it, stored all or nothing, and once only."""

from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from datetime import datetime

from bson import ObjectId

from kci_api.callers.rules import Caller
from kci_api.nodes.changes import create, merged, said_of, touched
from kci_api.nodes.permissions import (
    check_edit,
    check_unheld,
    may_create,
    may_edit,
    require,
)
from kci_api.nodes.plans import Change, Plan, told, told_of_tree
from kci_api.nodes.stored import StoredNode
from kci_api.requests import Place, inside, invalid, parse_id
from kci_shared.errors import NotPermitted, TooLarge
from kci_shared.models import Kind, NewNode, ResultTree

MOST_NODES = 10_000
DEEPEST = 40


class TreePlanner:
    """Compares a tree that was sent with the one that is stored.

    A node of the tree is a stored one if it names its id, or else if it has kind and
    name of a stored child of the same parent: the first with the first, and so on. So
    a tree that comes twice is stored once.
    """

    def __init__(
        self, caller: Caller, below: Sequence[StoredNode], now: datetime
    ) -> None:
        self._caller = caller
        self._now = now
        self._by_id = {node.id: node for node in below}
        self._below = below
        self._free: dict[tuple[ObjectId, Kind, str], deque[StoredNode]] = defaultdict(
            deque
        )
        self._answer: list[StoredNode] = []
        self._born: list[StoredNode] = []
        self._changed: list[Change] = []

    def plan(
        self, root: StoredNode, after: StoredNode, children: Sequence[ResultTree]
    ) -> Plan:
        """Return what to write so that `after`, with `children`, is stored."""
        named = {ObjectId(node.id) for node in _all(children) if _names_id(node)}
        for node in self._below:
            if node.parent is not None and node.id not in named:
                self._free[node.parent, node.kind, node.name].append(node)
        self._place_all(children, after, ("body", "child_nodes"))
        if after is root and (self._born or self._changed):
            after = touched(root, self._now)
        if after is not root:
            self._changed.append(told_of_tree(root, after))
        return Plan([after, *self._answer], self._born, self._changed)

    def _place_all(
        self, trees: Sequence[ResultTree], parent: StoredNode, place: Place
    ) -> None:
        if len(parent.path) > DEEPEST:
            raise invalid(place, f"a tree of more than {DEEPEST} levels")
        for number, tree in enumerate(trees):
            here = (*place, number)
            with inside(*here, "node"):
                node = self._place(tree.node, parent)
            self._answer.append(node)
            if len(self._answer) > MOST_NODES:
                raise TooLarge(f"a tree of more than {MOST_NODES} nodes")
            self._place_all(tree.child_nodes, node, (*here, "child_nodes"))

    def _place(self, said: NewNode, parent: StoredNode) -> StoredNode:
        stored = self._stored(said, parent)
        if stored is None:
            return self._create(said, parent)
        after = merged(stored, said_of(stored, said, ("body",)), self._now)
        if after is not stored:
            require(may_edit(self._caller, stored))
            check_edit(self._caller, stored, after)
            check_unheld(self._caller, stored)
            self._changed.append(told(stored, after))
        return after

    def _stored(self, said: NewNode, parent: StoredNode) -> StoredNode | None:
        if said.id is None:
            same = self._free[parent.id, said.kind, said.name]
            return same.popleft() if same else None
        stored = self._by_id.pop(parse_id(said.id), None)
        if stored is None or stored.parent != parent.id:
            raise NotPermitted(f"node {said.id} is no child of {parent.id}")
        return stored

    def _create(self, said: NewNode, parent: StoredNode) -> StoredNode:
        if said.parent not in (None, str(parent.id)):
            raise invalid(("body", "parent"), f"here it is {parent.id}, or left out")
        if said.idempotency_key is not None:
            raise invalid(("body", "idempotency_key"), "leave it out of a tree")
        if said.kind is Kind.REGRESSION:
            raise invalid(("body", "kind"), "a regression has no parent")
        node = create(said, parent, self._caller, self._now)
        require(may_create(self._caller, node, parent))
        self._born.append(node)
        return node


def _all(trees: Sequence[ResultTree]) -> Iterator[NewNode]:
    for tree in trees:
        yield tree.node
        yield from _all(tree.child_nodes)


def _names_id(node: NewNode) -> bool:
    return node.id is not None and ObjectId.is_valid(node.id)

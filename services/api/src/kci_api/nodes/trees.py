# SPDX-License-Identifier: LGPL-2.1-or-later
"""Merge a result tree into the stored one: each node once, all or nothing."""

from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from datetime import datetime

from bson import ObjectId

from kci_api.callers.rules import Caller
from kci_api.nodes.changes import create, editable_fields, merged, touched
from kci_api.nodes.permissions import (
    check_edit,
    check_not_claimed,
    may_create,
    may_edit,
    require,
)
from kci_api.nodes.plans import Change, Plan, with_event, with_tree_event
from kci_api.nodes.stored import StoredNode
from kci_api.requests import Location, invalid, located_at, parse_id
from kci_shared.errors import NotPermitted, TooLarge
from kci_shared.models import Kind, NewNode, ResultTree

MAX_NODES = 10_000
MAX_LEVELS = 40


class TreePlanner:
    """Plans the writes that merge one result tree.

    A node of the tree is a stored one if it has its id, or else the kind and name of a
    stored child of the same parent: the first one sent is the first one stored, and so
    on. So a tree that is sent twice is stored once.
    """

    def __init__(
        self, caller: Caller, descendants: Sequence[StoredNode], now: datetime
    ) -> None:
        self._caller = caller
        self._now = now
        self._descendants = descendants
        self._by_id = {node.id: node for node in descendants}
        self._unmatched: dict[tuple[ObjectId, Kind, str], deque[StoredNode]] = (
            defaultdict(deque)
        )
        self._response: list[StoredNode] = []
        self._inserts: list[StoredNode] = []
        self._updates: list[Change] = []

    def plan(
        self, root: StoredNode, after: StoredNode, children: Sequence[ResultTree]
    ) -> Plan:
        """Return the plan that turns `root` into `after`, with these children below."""
        sent_ids = {ObjectId(node.id) for node in _all(children) if _has_id(node)}
        for node in self._descendants:
            if node.parent is not None and node.id not in sent_ids:
                self._unmatched[node.parent, node.kind, node.name].append(node)
        self._merge_all(children, after, ("body", "child_nodes"))
        if after is root and (self._inserts or self._updates):
            after = touched(root, self._now)
        if after is not root:
            self._updates.append(with_tree_event(root, after))
        return Plan([after, *self._response], self._inserts, self._updates)

    def _merge_all(
        self, trees: Sequence[ResultTree], parent: StoredNode, location: Location
    ) -> None:
        if len(parent.path) > MAX_LEVELS:
            raise invalid(
                location, f"a tree of more than {MAX_LEVELS} levels; send fewer"
            )
        for number, tree in enumerate(trees):
            here = (*location, number)
            with located_at(*here, "node"):
                node = self._merge(tree.node, parent)
            self._response.append(node)
            if len(self._response) > MAX_NODES:
                raise TooLarge(f"a tree of more than {MAX_NODES} nodes; split it")
            self._merge_all(tree.child_nodes, node, (*here, "child_nodes"))

    def _merge(self, sent: NewNode, parent: StoredNode) -> StoredNode:
        stored = self._stored(sent, parent)
        if stored is None:
            return self._create(sent, parent)
        fields = editable_fields(stored, sent, ("body",))
        after = merged(stored, fields, self._now)
        if after is not stored:
            require(may_edit(self._caller, stored))
            check_edit(self._caller, stored, after)
            check_not_claimed(self._caller, stored)
            self._updates.append(with_event(stored, after))
        return after

    def _stored(self, sent: NewNode, parent: StoredNode) -> StoredNode | None:
        if sent.id is None:
            same = self._unmatched[parent.id, sent.kind, sent.name]
            return same.popleft() if same else None
        stored = self._by_id.pop(parse_id(sent.id), None)
        if stored is None or stored.parent != parent.id:
            raise NotPermitted(f"node {sent.id} is not a child of {parent.id}")
        return stored

    def _create(self, sent: NewNode, parent: StoredNode) -> StoredNode:
        if sent.parent not in (None, str(parent.id)):
            raise invalid(
                ("body", "parent"), f"must be {parent.id} or left out in this tree"
            )
        if sent.idempotency_key is not None:
            raise invalid(
                ("body", "idempotency_key"), "not allowed in a tree; leave it out"
            )
        if sent.kind is Kind.REGRESSION:
            raise invalid(("body", "kind"), "a regression has no parent")
        node = create(sent, parent, self._caller, self._now)
        require(may_create(self._caller, node, parent))
        self._inserts.append(node)
        return node


def _all(trees: Sequence[ResultTree]) -> Iterator[NewNode]:
    for tree in trees:
        yield tree.node
        yield from _all(tree.child_nodes)


def number_of_nodes(trees: Sequence[ResultTree]) -> int:
    """Return how many nodes trees have in all."""
    return sum(1 for _ in _all(trees))


def _has_id(node: NewNode) -> bool:
    return node.id is not None and ObjectId.is_valid(node.id)

# SPDX-License-Identifier: LGPL-2.1-or-later
"""The nodes of the fake API: how they are created and changed, and their events."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from pydantic import ValidationError

from kci_shared.errors import BadRequest, Conflict, Invalid, KciError, NotFound
from kci_shared.models import (
    NODE,
    Event,
    ImportedNode,
    Kind,
    NewNode,
    Node,
    NodeChange,
    NodePatch,
    Op,
    Result,
    ResultTree,
    State,
    may_become,
)
from kci_shared.models.nodes import BaseNode

LIFE = timedelta(hours=6)
MAPS = ("artifacts", "data", "debug")
VOLATILE = {"id", "timeout", "holdoff"}
"""What may differ when a node is created again with the same key."""

Fields = dict[str, Any]


class Tree:
    """Nodes by id, in the order in which they were made; remembers every event."""

    def __init__(self, now: Callable[[], datetime], owner: str) -> None:
        self.nodes: dict[str, Node] = {}
        self.events: list[Event] = []
        self.fences: dict[str, int] = {}
        """The token of each node's latest claim."""
        self.attempts: dict[str, int] = {}
        """How often each node was claimed and not given back."""
        self.now = now
        self._owner = owner
        self._sent: dict[str, tuple[str, Fields]] = {}
        self._numbers = count(1)

    def new_id(self) -> str:
        """Return an id that no node has; it begins with the time, as the API's do."""
        return f"{int(self.now().timestamp()):08x}{next(self._numbers):016x}"

    def read(self, node_id: str) -> Node:
        """Return a node; raise `NotFound` if it does not exist."""
        if node_id not in self.nodes:
            raise NotFound(f"Node not found with the id: {node_id}")
        return self.nodes[node_id]

    def create(self, new: NewNode) -> Node:
        """Create a node; again with the same key, return the first."""
        sent = new.model_dump(exclude=VOLATILE, exclude_defaults=True)
        existing_id, existing = self._sent.get(new.idempotency_key or "", ("", {}))
        if existing_id:
            if existing != sent:
                raise Conflict(
                    f"idempotency_key {new.idempotency_key!r} belongs to node"
                    f" {existing_id}, which was created with other content"
                )
            return self.nodes[existing_id]
        node = self.add(new)
        if new.idempotency_key:
            self._sent[new.idempotency_key] = (node.id, sent)
        return node

    def add(self, new: NewNode) -> Node:
        """Create a node without looking for its key."""
        parent = None if new.parent is None else self._parent(new.parent)
        node_id, now = self.new_id(), self.now()
        fields = new.model_dump(mode="json", exclude_unset=True)
        node = _node(
            {
                **fields,
                "id": node_id,
                "data": {**_revision(parent), **fields.get("data", {})},
                "path": self._path(new, parent),
                "treeid": parent.treeid if parent else new.treeid or node_id,
                "result": new.result or DEFAULT_RESULT.get(new.kind),
                "created": now,
                "updated": now,
                "timeout": new.timeout or now + LIFE,
                "owner": self._owner,
            }
        )
        self.nodes[node_id] = node
        self.tell(node, None)
        return node

    def put_imported(self, new: ImportedNode) -> None:
        """Store a node of another system, with its id, owner and times."""
        node = new.node
        above = self.nodes.get(node.parent or str(node.data.get("fail_node")))
        path = [*(above.path if above else []), node.name]
        treeid = above.treeid if above else node.treeid or new.id
        self.nodes[new.id] = _node(
            {
                **node.model_dump(mode="json", exclude_unset=True),
                "id": new.id,
                "path": above.path if above and not node.parent else path,
                "treeid": treeid,
                "owner": new.owner,
                "created": new.created,
                "updated": new.updated,
            }
        )

    def create_many(self, new: Sequence[NewNode]) -> list[Node]:
        """Create nodes, all or none."""
        nodes, events, sent = dict(self.nodes), len(self.events), dict(self._sent)
        try:
            return [self.create(one) for one in new]
        except KciError:
            self.nodes, self._sent = nodes, sent
            del self.events[events:]
            raise

    def _parent(self, node_id: str) -> Node:
        if node_id not in self.nodes:
            raise NotFound(f"Parent not found with id: {node_id}")
        return self.nodes[node_id]

    def _path(self, new: NewNode, parent: Node | None) -> list[str]:
        if new.kind is not Kind.REGRESSION:
            return [*(parent.path if parent else []), new.name]
        failed = self.nodes.get(str(new.data.get("fail_node")))
        if failed is None:
            raise invalid("data.fail_node", "no such node")
        return failed.path

    def patch(self, node: Node, changes: Fields) -> Node:
        """Change a node as a PATCH does: maps are merged, other fields are set."""
        try:
            patch = NodePatch.model_validate(changes)
        except ValidationError as error:
            raise Invalid(error.errors()) from error
        return self.merge(node, patch.model_dump(exclude_unset=True))

    def merge(self, node: Node, changes: Fields) -> Node:
        """Merge maps, set other fields; raise `BadRequest` for an illegal state."""
        if not may_become(node.state, State(changes.get("state", node.state))):
            raise BadRequest(
                f"Transition not allowed with state: {changes['state']}",
            )
        return self.change(node.id, **changes)

    def change(self, node_id: str, **changes: Any) -> Node:
        """Change a node without looking whether that is allowed."""
        node = self.nodes[node_id]
        before = node.model_dump(exclude_unset=True)
        merged = {
            name: _merge(before.get(name, {}), changes[name])
            for name in MAPS
            if name in changes
        }
        after = {**before, **changes, **merged}
        if _node(after) == node:
            return node
        ended = after.get("state") == State.DONE and node.state is not State.DONE
        if ended:
            after["claim"] = None
            self.fences[node_id] = self.fences.get(node_id, 0) + 1
        return self._next(node, after)

    def _next(self, node: Node, fields: Fields) -> Node:
        server = {"version": node.version + 1, "updated": self.now()}
        after = self.nodes[node.id] = _node({**fields, **server})
        self.tell(after, node)
        return after

    def put(self, before: Node, tree: ResultTree) -> list[Node]:
        """Store a node with what hangs below it; its version tells of either."""
        fields = _patchable(tree.node.model_dump(exclude_unset=True))
        root, events = self.patch(before, fields), len(self.events)
        below = self.put_children(root, tree.child_nodes)
        if root is before and len(self.events) > events:
            root = self._next(root, root.model_dump(exclude_unset=True))
        return [root, *below]

    def put_children(self, parent: Node, trees: Sequence[ResultTree]) -> list[Node]:
        """Store a tree below a node: what is there already is changed, not doubled."""
        stored: list[Node] = []
        free = [node for node in self.nodes.values() if node.parent == parent.id]
        for tree in trees:
            new = tree.node
            same = [n for n in free if (n.kind, n.name) == (new.kind, new.name)]
            if same:
                free.remove(same[0])
                fields = new.model_dump(exclude_unset=True)
                child = self.patch(same[0], _patchable(fields))
            else:
                child = self.add(new.model_copy(update={"parent": parent.id}))
            stored += [child, *self.put_children(child, tree.child_nodes)]
        return stored

    def tell(self, node: Node, before: Node | None) -> None:
        """Add the event of a change."""
        fields = NODE.dump_python(node, mode="json")
        change = NodeChange(
            op=Op.UPDATED if before else Op.CREATED,
            previous_state=before and before.state,
            previous_result=before and before.result,
            **{name: fields[name] for name in PUBLISHED},
        )
        event = Event(
            id=f"{node.id}-{node.version}",
            time=node.updated,
            owner=node.owner,
            data=change,
            _sequence_id=len(self.events) + 1,
        )
        self.events.append(event)


PUBLISHED = NodeChange.model_fields.keys() & BaseNode.model_fields.keys()
DEFAULT_RESULT = {Kind.REGRESSION: Result.FAIL}


def utc_now() -> datetime:
    """Return the time, as the API keeps it: in milliseconds."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


def invalid(place: str, message: str) -> Invalid:
    """Name a field of the request that is wrong, in the API's shape."""
    where = ["body", *place.split(".")]
    return Invalid([{"type": "value_error", "loc": where, "msg": message}])


def _node(fields: Fields) -> Node:
    try:
        return NODE.validate_python(fields)
    except ValidationError as error:
        raise Invalid(error.errors()) from error


def _revision(parent: Node | None) -> Fields:
    revision = parent and parent.data.kernel_revision
    return {"kernel_revision": revision.model_dump()} if revision else {}


def _merge(old: Fields, new: Fields) -> Fields:
    return {key: value for key, value in {**old, **new}.items() if value is not None}


def _patchable(fields: Fields) -> Fields:
    return {key: fields[key] for key in fields if key in NodePatch.model_fields}

# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who may import nodes, and what becomes of each of them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from beanie import PydanticObjectId
from bson import ObjectId

from kci_api.callers.rules import Caller, Scope
from kci_api.nodes.changes import create
from kci_api.nodes.plans import Change, Plan
from kci_api.nodes.stored import StoredNode
from kci_api.requests import parse_id
from kci_api.times import to_milliseconds
from kci_shared.errors import BadRequest, Invalid, NotPermitted, TooLarge
from kci_shared.models import Fate, Imported, ImportedNode, Kind, State
from kci_shared.models.nodes import Access, fields_with

FIXED = fields_with(Access.FIXED)


def check_may_import(caller: Caller) -> None:
    """Raise `NotPermitted` unless the caller may set ids, times and owners of nodes."""
    if not caller.is_superuser and Scope.NODES_IMPORT not in (caller.scopes or ()):
        raise NotPermitted(f"an import needs a token with scope {Scope.NODES_IMPORT}")


class Orphan(Exception):
    """A node depends on another one that is not stored here."""

    def __init__(self, role: str, node_id: str) -> None:
        super().__init__(f"{role} {node_id} is not here")
        self.node_id = node_id


class Refused(Exception):
    """A node cannot be imported as it is."""


@dataclass
class Importer:
    """Plans the import of nodes, one after the other; parents come first."""

    by_id: dict[PydanticObjectId, StoredNode]
    by_key: dict[str, StoredNode]
    seen: set[str] = field(default_factory=set)
    imports: list[StoredNode] = field(default_factory=list)
    updates: list[Change] = field(default_factory=list)

    def add(self, new: ImportedNode) -> Imported:
        """Plan the import of a node; return what becomes of it, and why."""
        try:
            fate = self._take(new)
            reason = _differences(new, self.by_id[parse_id(new.id)])
            return Imported(id=new.id, fate=fate, reason=reason)
        except Orphan as error:
            return Imported(
                id=new.id, fate=Fate.ORPHAN, reason=str(error), needs=error.node_id
            )
        except Invalid as error:
            return _refused(new, "; ".join(map(_error_text, error.detail)))
        except (Refused, BadRequest, TooLarge) as error:
            return _refused(new, str(error))

    def plan(self) -> Plan:
        """Return the plan of all nodes so far."""
        return Plan([], imports=self.imports, updates=self.updates)

    def _take(self, new: ImportedNode) -> Fate:
        if new.id in self.seen:
            raise Refused("it is in the request twice")
        node = self._created(new)
        self.seen.add(new.id)
        before = self.by_id.get(node.id)
        if before is None:
            self._insert(node)
            return Fate.CREATED
        if before.digest == node.digest and before.imported is not None:
            return Fate.UNCHANGED
        _check_untouched(before, node)
        version = before.version + 1
        after = node.model_copy(
            update={
                "version": version,
                "imported": version,
                "idempotency_key": before.idempotency_key,
            }
        )
        self.updates.append(Change(before, after))
        self.by_id[node.id] = after
        return Fate.CHANGED

    def _insert(self, node: StoredNode) -> None:
        other = self.by_key.get(node.idempotency_key or "")
        if other is not None:
            raise Refused(
                f"idempotency_key {node.idempotency_key!r} belongs to node {other.id}"
            )
        self.imports.append(node)
        self.by_id[node.id] = node
        if node.idempotency_key:
            self.by_key[node.idempotency_key] = node

    def _created(self, new: ImportedNode) -> StoredNode:
        if new.node.state is not State.DONE:
            raise Refused(
                f"its state is {new.node.state}: only done nodes can be imported"
            )
        parent = self._required("parent", new.node.parent) if new.node.parent else None
        created = to_milliseconds(new.created)
        node = create(new.node, parent, Caller(new.owner), created)
        treeid = parent.treeid if parent else new.node.treeid or new.id
        path = node.path
        if new.node.kind is Kind.REGRESSION:
            failed = self._required("fail_node", node.data.get("fail_node"))
            path, treeid = failed.path, new.node.treeid or failed.treeid
        return node.model_copy(
            update={
                "id": parse_id(new.id),
                "path": path,
                "updated": to_milliseconds(new.updated),
                "treeid": treeid,
                "digest": digest(new),
                "imported": 1,
            }
        )

    def _required(self, role: str, node_id: object) -> StoredNode:
        node = self.by_id.get(parse_id(str(node_id)))
        if node is None:
            raise Orphan(role, str(node_id))
        return node


def required_ids(nodes: Sequence[ImportedNode]) -> list[ObjectId]:
    """Return the ids of the nodes, and of those on which they depend."""
    ids: set[str] = set()
    for new in nodes:
        depends_on = (new.node.parent, new.node.data.get("fail_node"))
        ids.update(str(one) for one in (new.id, *depends_on) if ObjectId.is_valid(one))
    return [ObjectId(one) for one in sorted(ids)]


def digest(new: ImportedNode) -> str:
    """Return a digest that is the same when an unchanged node is imported again."""
    content = new.model_dump(mode="json", exclude_defaults=True)
    return sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _differences(new: ImportedNode, node: StoredNode) -> str | None:
    """Return what is derived from other nodes here, and differed in the source."""
    source = {"path": new.path, "treeid": new.node.treeid}
    differences = [
        f"{name} is {getattr(node, name)!r}, was {value!r}"
        for name, value in source.items()
        if value is not None and value != getattr(node, name)
    ]
    return "; ".join(differences) or None


def _check_untouched(before: StoredNode, node: StoredNode) -> None:
    if before.imported is None:
        raise Refused("a node with this id was created here")
    if before.version != before.imported:
        raise Refused("it was changed here since it was imported")
    for name in FIXED:
        if getattr(before, name) != getattr(node, name):
            raise Refused(f"its {name} is {getattr(before, name)}, and cannot change")


def _refused(new: ImportedNode, reason: str) -> Imported:
    return Imported(id=new.id, fate=Fate.REFUSED, reason=reason)


def _error_text(error: dict[str, object]) -> str:
    location = error["loc"]
    assert isinstance(location, list | tuple)
    return f"{'.'.join(str(part) for part in location[1:])}: {error['msg']}"

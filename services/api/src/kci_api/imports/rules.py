# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who may import, and what an imported node becomes."""

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
    """Raise `NotPermitted` unless the caller may say who made a node, and when."""
    if not caller.is_superuser and Scope.NODES_IMPORT not in (caller.scopes or ()):
        raise NotPermitted(f"an import needs a token of scope {Scope.NODES_IMPORT}")


class Orphan(Exception):
    """A node that another one rests on is not here."""

    def __init__(self, role: str, node_id: str) -> None:
        super().__init__(f"{role} {node_id} is not here")
        self.node_id = node_id


class Refused(Exception):
    """A node that cannot be here as it is."""


@dataclass
class Importer:
    """Judges nodes one after the other; each may rest on those before it."""

    by_id: dict[PydanticObjectId, StoredNode]
    by_key: dict[str, StoredNode]
    judged: set[str] = field(default_factory=set)
    brought: list[StoredNode] = field(default_factory=list)
    changed: list[Change] = field(default_factory=list)

    def judge(self, new: ImportedNode) -> Imported:
        """Say what becomes of a node, and note what has to be written for it."""
        try:
            fate = self._take(new)
            told = _differences(new, self.by_id[parse_id(new.id)])
            return Imported(id=new.id, fate=fate, reason=told)
        except Orphan as error:
            return Imported(
                id=new.id, fate=Fate.ORPHAN, reason=str(error), needs=error.node_id
            )
        except Invalid as error:
            return _refused(new, "; ".join(map(_fault, error.detail)))
        except (Refused, BadRequest, TooLarge) as error:
            return _refused(new, str(error))

    def plan(self) -> Plan:
        """Return what has to be written."""
        return Plan([], brought=self.brought, changed=self.changed)

    def _take(self, new: ImportedNode) -> Fate:
        if new.id in self.judged:
            raise Refused("it stands there twice")
        node = self._made(new)
        self.judged.add(new.id)
        before = self.by_id.get(node.id)
        if before is None:
            self._check_key(node)
            self.brought.append(node)
            self.by_id[node.id] = node
            if node.idempotency_key:
                self.by_key[node.idempotency_key] = node
            return Fate.CREATED
        if before.digest == node.digest and before.imported is not None:
            return Fate.UNCHANGED
        _check_untouched(before, node)
        after = node.model_copy(
            update={
                "version": before.version + 1,
                "imported": before.version + 1,
                "idempotency_key": before.idempotency_key,
            }
        )
        self.changed.append(Change(before, after))
        self.by_id[node.id] = after
        return Fate.CHANGED

    def _check_key(self, node: StoredNode) -> None:
        other = self.by_key.get(node.idempotency_key or "")
        if other is not None:
            raise Refused(
                f"idempotency_key {node.idempotency_key!r} belongs to node {other.id}"
            )

    def _made(self, new: ImportedNode) -> StoredNode:
        if new.node.state is not State.DONE:
            raise Refused(f"it is {new.node.state}: only what is done can be imported")
        parent = self._needed("parent", new.node.parent) if new.node.parent else None
        created = to_milliseconds(new.created)
        node = create(new.node, parent, Caller(new.owner), created)
        treeid = parent.treeid if parent else new.node.treeid or new.id
        path = node.path
        if new.node.kind is Kind.REGRESSION:
            failed = self._needed("fail_node", node.data.get("fail_node"))
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

    def _needed(self, role: str, node_id: object) -> StoredNode:
        found = self.by_id.get(parse_id(str(node_id)))
        if found is None:
            raise Orphan(role, str(node_id))
        return found


def needed(nodes: Sequence[ImportedNode]) -> list[ObjectId]:
    """Return the ids of all nodes that a judgement looks at."""
    ids: set[str] = set()
    for new in nodes:
        rests_on = (new.node.parent, new.node.data.get("fail_node"))
        ids.update(str(one) for one in (new.id, *rests_on) if ObjectId.is_valid(one))
    return [ObjectId(one) for one in sorted(ids)]


def digest(new: ImportedNode) -> str:
    """Name what an import brought: the same for the same node brought again."""
    content = new.model_dump(mode="json", exclude_defaults=True)
    return sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _differences(new: ImportedNode, node: StoredNode) -> str | None:
    """Say what follows from other nodes here, and was something else there."""
    said = {"path": new.path, "treeid": new.node.treeid}
    told = [
        f"{name} is {getattr(node, name)!r}, was {there!r}"
        for name, there in said.items()
        if there is not None and there != getattr(node, name)
    ]
    return "; ".join(told) or None


def _check_untouched(before: StoredNode, node: StoredNode) -> None:
    if before.imported is None:
        raise Refused("a node of this id was made here")
    if before.version != before.imported:
        raise Refused("it was changed here since it was imported")
    for name in FIXED:
        if getattr(before, name) != getattr(node, name):
            raise Refused(f"its {name} is {getattr(before, name)}, and cannot change")


def _refused(new: ImportedNode, reason: str) -> Imported:
    return Imported(id=new.id, fate=Fate.REFUSED, reason=reason)


def _fault(fault: dict[str, object]) -> str:
    place = fault["loc"]
    assert isinstance(place, list | tuple)
    return f"{'.'.join(str(part) for part in place[1:])}: {fault['msg']}"

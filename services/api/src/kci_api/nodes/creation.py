# SPDX-License-Identifier: LGPL-2.1-or-later
"""New nodes, one or many: all or none, and each idempotency key once only."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from bson import ObjectId

from kci_api.callers.rules import Caller
from kci_api.nodes.changes import create
from kci_api.nodes.fencing import Writer, held_for, still_held
from kci_api.nodes.permissions import may_create, require
from kci_api.nodes.plans import Plan
from kci_api.nodes.store import NodeStore
from kci_api.nodes.stored import StoredNode
from kci_api.requests import inside, invalid, parse_id
from kci_api.times import now
from kci_shared.errors import Conflict, NotFound
from kci_shared.models import Kind, NewNode

VOLATILE = {"id", "timeout", "holdoff"}


@dataclass(frozen=True)
class Known:
    """What is in the database already and matters to nodes that shall be created."""

    by_id: dict[ObjectId, StoredNode]
    by_key: dict[str, StoredNode]


async def create_node(store: NodeStore, writer: Writer, new: NewNode) -> StoredNode:
    """Create a node; again with the same key, return the first."""
    (node,) = await _create(store, writer, [new], [("body",)])
    return node


async def create_nodes(
    store: NodeStore, writer: Writer, new: Sequence[NewNode]
) -> list[StoredNode]:
    """Create nodes, all or none, and return them in the order in which they came."""
    keys = Counter(one.idempotency_key for one in new if one.idempotency_key)
    for key, times in keys.items():
        if times > 1:
            raise invalid(("body",), f"idempotency_key {key!r} stands there twice")
    return await _create(store, writer, new, [("body", n) for n in range(len(new))])


async def _create(
    store: NodeStore,
    writer: Writer,
    new: Sequence[NewNode],
    places: Sequence[tuple[str | int, ...]],
) -> list[StoredNode]:
    async def plan() -> Plan:
        known = await _known(store, new)
        born: list[StoredNode] = []
        answer: list[StoredNode] = []
        for one, place in zip(new, places, strict=True):
            with inside(*place):
                node = _earlier(one, writer.caller, known)
                if node is None:
                    node = _create_one(one, writer.caller, known)
                    born.append(node)
            answer.append(node)
        parents = {node.parent for node in born if node.parent}
        held = [
            await held_for(store, writer, known.by_id[parent]) for parent in parents
        ]
        return Plan(answer, born, fences=[still_held(one) for one in held if one])

    return await store.carry_out(writer.caller.name, plan)


async def _known(store: NodeStore, new: Sequence[NewNode]) -> Known:
    keys = {one.idempotency_key for one in new if one.idempotency_key}
    ids = {parse_id(one.parent) for one in new if one.parent}
    ids |= {parse_id(fail) for one in new if (fail := _failed(one)) is not None}
    by_key = await store.among("idempotency_key", sorted(keys))
    by_id = await store.among("_id", sorted(ids))
    return Known(
        {node.id: node for node in by_id},
        {node.idempotency_key: node for node in by_key if node.idempotency_key},
    )


def _failed(new: NewNode) -> str | None:
    """Return the node whose path a regression shares."""
    failed = new.data.get("fail_node")
    usable = isinstance(failed, str) and ObjectId.is_valid(failed)
    return failed if new.kind is Kind.REGRESSION and usable else None


def _earlier(new: NewNode, caller: Caller, known: Known) -> StoredNode | None:
    """Return the node that was created with the same key; it must be the same one."""
    node = known.by_key.get(new.idempotency_key or "")
    if node is None:
        return None
    if node.digest != digest(new, caller):
        raise Conflict(
            f"idempotency_key {new.idempotency_key!r} belongs to node {node.id},"
            " which was created by another caller or with other content"
        )
    return node


def _create_one(new: NewNode, caller: Caller, known: Known) -> StoredNode:
    parent = None
    if new.parent is not None:
        parent = known.by_id.get(parse_id(new.parent))
        if parent is None:
            raise NotFound(f"Parent not found with id: {new.parent}")
    node = create(new, parent, caller, now())
    require(may_create(caller, node, parent))
    if new.idempotency_key:
        node.digest = digest(new, caller)
    if new.kind is Kind.REGRESSION:
        node.path = _path_of_failed(new, known)
    return node


def _path_of_failed(new: NewNode, known: Known) -> list[str]:
    failed_id = _failed(new)
    failed = known.by_id.get(parse_id(failed_id)) if failed_id else None
    if failed is None:
        raise invalid(("body", "data", "fail_node"), "there is no such node")
    return failed.path


def digest(new: NewNode, caller: Caller) -> str:
    """Name what a caller sent: the same for the same request sent again.

    When to give up is no part of it, because callers reckon that from the present.
    """
    # without defaults, so that a field that is new tomorrow makes no difference
    content = new.model_dump(exclude=VOLATILE, exclude_defaults=True)
    text = json.dumps([caller.name, content], sort_keys=True)
    return sha256(text.encode()).hexdigest()

# SPDX-License-Identifier: LGPL-2.1-or-later
"""Create nodes, one or many: all or none, and only once for an idempotency key."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from bson import ObjectId

from kci_api.callers.rules import Caller
from kci_api.nodes.changes import create
from kci_api.nodes.fencing import Writer, claimed_node, fence_of
from kci_api.nodes.permissions import may_create, require
from kci_api.nodes.plans import Plan
from kci_api.nodes.store import NodeStore
from kci_api.nodes.stored import StoredNode
from kci_api.requests import Location, invalid, located_at, parse_id
from kci_api.threads import computed
from kci_api.times import now
from kci_shared.errors import Conflict, NotFound
from kci_shared.models import Kind, NewNode

NOT_IN_DIGEST = {"id", "timeout", "holdoff"}
"""Clients compute times from the present, so they differ when a request is repeated."""


@dataclass(frozen=True)
class Existing:
    """The stored nodes on which new nodes depend."""

    by_id: dict[ObjectId, StoredNode]
    by_key: dict[str, StoredNode]
    """By idempotency key."""


async def create_node(store: NodeStore, writer: Writer, new: NewNode) -> StoredNode:
    """Create a node; for a repeated idempotency key, return the existing node."""
    (node,) = await _create(store, writer, [new], [("body",)])
    return node


async def create_nodes(
    store: NodeStore, writer: Writer, new: Sequence[NewNode]
) -> list[StoredNode]:
    """Create nodes, all or none; return them in the order of the request."""
    keys = Counter(one.idempotency_key for one in new if one.idempotency_key)
    for key, times in keys.items():
        if times > 1:
            raise invalid(
                ("body",), f"idempotency_key {key!r} is used {times} times; use it once"
            )
    return await _create(store, writer, new, [("body", n) for n in range(len(new))])


async def _create(
    store: NodeStore,
    writer: Writer,
    new: Sequence[NewNode],
    locations: Sequence[Location],
) -> list[StoredNode]:
    async def plan() -> Plan:
        existing = await _find_existing(store, new)
        inserts, response = await computed(
            len(new), lambda: _create_all(new, locations, writer.caller, existing)
        )
        parents = {node.parent for node in inserts if node.parent}
        claimed = [
            await claimed_node(store, writer, existing.by_id[one]) for one in parents
        ]
        fences = [fence_of(node) for node in claimed if node]
        return Plan(response, inserts, fences=fences)

    return await store.apply(writer.caller.name, plan)


def _create_all(
    new: Sequence[NewNode],
    locations: Sequence[Location],
    caller: Caller,
    existing: Existing,
) -> tuple[list[StoredNode], list[StoredNode]]:
    """Return the nodes to insert, and those of the response, in its order."""
    inserts: list[StoredNode] = []
    response: list[StoredNode] = []
    for one, location in zip(new, locations, strict=True):
        with located_at(*location):
            node = _created_before(one, caller, existing)
            if node is None:
                node = _create_one(one, caller, existing)
                inserts.append(node)
        response.append(node)
    return inserts, response


async def _find_existing(store: NodeStore, new: Sequence[NewNode]) -> Existing:
    keys = {one.idempotency_key for one in new if one.idempotency_key}
    ids = {parse_id(one.parent) for one in new if one.parent}
    ids |= {parse_id(fail) for one in new if (fail := _fail_node(one)) is not None}
    by_key = await store.find_by("idempotency_key", sorted(keys))
    by_id = await store.find_by("_id", sorted(ids))
    return Existing(
        {node.id: node for node in by_id},
        {node.idempotency_key: node for node in by_key if node.idempotency_key},
    )


def _fail_node(new: NewNode) -> str | None:
    """Return the id of the failed run, whose path a regression has, if it is an id."""
    failed = new.data.get("fail_node")
    usable = isinstance(failed, str) and ObjectId.is_valid(failed)
    return failed if new.kind is Kind.REGRESSION and usable else None


def _created_before(
    new: NewNode, caller: Caller, existing: Existing
) -> StoredNode | None:
    """Return the node of the same idempotency key; `Conflict` if it differs."""
    node = existing.by_key.get(new.idempotency_key or "")
    if node is None:
        return None
    if node.digest != digest(new, caller):
        raise Conflict(
            f"idempotency_key {new.idempotency_key!r} belongs to node {node.id},"
            " which was created by another caller or with other content"
        )
    return node


def _create_one(new: NewNode, caller: Caller, existing: Existing) -> StoredNode:
    parent = None
    if new.parent is not None:
        parent = existing.by_id.get(parse_id(new.parent))
        if parent is None:
            raise NotFound(f"Parent not found with id: {new.parent}")
    node = create(new, parent, caller, now())
    require(may_create(caller, node, parent))
    if new.idempotency_key:
        node.digest = digest(new, caller)
    if new.kind is Kind.REGRESSION:
        node.path = _path_of_failed(new, existing)
    return node


def _path_of_failed(new: NewNode, existing: Existing) -> list[str]:
    failed_id = _fail_node(new)
    failed = existing.by_id.get(parse_id(failed_id)) if failed_id else None
    if failed is None:
        raise invalid(("body", "data", "fail_node"), "no such node")
    return failed.path


def digest(new: NewNode, caller: Caller) -> str:
    """Return a digest of a request that is the same when it is repeated."""
    # without defaults, so that a field that is added later makes no difference
    content = new.model_dump(exclude=NOT_IN_DIGEST, exclude_defaults=True)
    text = json.dumps([caller.name, content], sort_keys=True)
    return sha256(text.encode()).hexdigest()

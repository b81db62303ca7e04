# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a node becomes by a request; nothing here reads or writes the database."""

from datetime import datetime, timedelta
from typing import Any

from bson import ObjectId, encode
from pydantic import ValidationError

from kci_api.callers.rules import Caller
from kci_api.nodes.rules import check_transition
from kci_api.nodes.stored import MAPS, StoredNode
from kci_api.requests import Place, check_storable, invalid
from kci_api.times import to_milliseconds
from kci_shared.errors import Invalid, TooLarge
from kci_shared.models import Kind, NewNode, NodePatch, Result, State
from kci_shared.models.data import DATA
from kci_shared.models.nodes import Access, fields_with

LIFE = timedelta(hours=6)
LARGEST_DATA = 1 << 20
"""In bytes: the node and its waiting events are one document of at most 16 MB."""
BODY: Place = ("body",)
EDITABLE = fields_with(Access.EDITABLE)
FIXED = fields_with(Access.FIXED)


def create(
    new: NewNode, parent: StoredNode | None, caller: Caller, now: datetime
) -> StoredNode:
    """Return the node that a client asked for, with all that the server sets."""
    node_id = ObjectId()
    data = dict(new.data)
    if parent and data.get("kernel_revision") is None:
        data |= _revision(parent)
    return StoredNode(
        **{
            **_checked_fields(dict(new)),
            "id": node_id,
            "data": checked_data(new.kind, data),
            "path": [*(parent.path if parent else ()), new.name],
            "parent": parent and parent.id,
            "result": new.result or DEFAULT_RESULT.get(new.kind),
            "created": now,
            "updated": now,
            "timeout": to_milliseconds(new.timeout) if new.timeout else now + LIFE,
            "owner": caller.name,
            "treeid": parent.treeid if parent else new.treeid or str(node_id),
            "user_groups": list(dict.fromkeys(new.user_groups)),
            "ancestors": [*parent.ancestors, parent.id] if parent else [],
            "runtime": _runtime(data) or (parent and parent.runtime),
        }
    )


DEFAULT_RESULT = {Kind.REGRESSION: Result.FAIL}


def patched(node: StoredNode, patch: NodePatch, now: datetime) -> StoredNode:
    """Return the node with the changes of a PATCH: maps are merged, the rest set."""
    return merged(node, _said(patch), now)


def merged(node: StoredNode, said: dict[str, Any], now: datetime) -> StoredNode:
    """Return the node with its maps merged key by key, and other fields set."""
    maps = {
        name: _merge(getattr(node, name), said[name]) for name in MAPS if name in said
    }
    return edited(node, {**said, **maps}, now)


def replaced(node: StoredNode, body: NewNode, now: datetime) -> StoredNode:
    """Return the node with each field that a PUT names set to what it says."""
    return edited(node, said_of(node, body, BODY), now)


def said_of(node: StoredNode, body: NewNode, place: Place) -> dict[str, Any]:
    """Return what a whole node says that may change; refuse what may not."""
    for name in FIXED:
        said, is_now = getattr(body, name), getattr(node, name)
        if name in body.model_fields_set and said != (is_now and str(is_now)):
            raise invalid((*place, name), f"it is {is_now}, and cannot change")
    return _said(body)


def _said(body: NewNode | NodePatch) -> dict[str, Any]:
    sent = body.model_fields_set
    return {name: getattr(body, name) for name in EDITABLE if name in sent}


def edited(node: StoredNode, fields: dict[str, Any], now: datetime) -> StoredNode:
    """Return the node with fields set: the very same one if nothing differs."""
    if (state := fields.get("state", node.state)) is None:
        raise invalid((*BODY, "state"), "a node is always in some state")
    check_transition(node, state)
    fields = _checked_fields(fields)
    if "data" in fields:
        fields = {**fields, **_new_data(node, fields["data"])}
    if all(getattr(node, name) == value for name, value in fields.items()):
        return node
    return _next(node, fields, now)


def touched(node: StoredNode, now: datetime) -> StoredNode:
    """Return the next version of a node in whose tree something changed."""
    return _next(node, {}, now)


def _next(node: StoredNode, fields: dict[str, Any], now: datetime) -> StoredNode:
    server: dict[str, Any] = {"version": node.version + 1, "updated": now}
    if fields.get("state") is State.DONE and node.state is not State.DONE:
        # whoever holds it is late from now on
        server |= {"claim": None, "fence": node.fence + 1}
    return node.model_copy(update={**server, **fields})


def _new_data(node: StoredNode, data: dict[str, Any]) -> dict[str, Any]:
    if node.parent and data.get("kernel_revision") is None:
        data = {**data, **_revision(node)}
    checked = checked_data(node.kind, data)
    return {"data": checked, "runtime": _runtime(checked) or node.runtime}


def _runtime(data: dict[str, Any]) -> str | None:
    # a kind that knows no runtime may have any extra key of that name
    runtime = data.get("runtime")
    return runtime if isinstance(runtime, str) else None


def _revision(node: StoredNode) -> dict[str, Any]:
    revision = node.data.get("kernel_revision")
    return {} if revision is None else {"kernel_revision": revision}


def _merge(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in {**old, **new}.items() if value is not None}


def checked_data(kind: Kind, data: dict[str, Any]) -> dict[str, Any]:
    """Return the data as sent, but typed: what the kind's model knows is checked."""
    _checked(data, "data")
    try:
        # a null says as little as a key that is not there, whatever its type
        known = DATA[kind].model_validate(_merge({}, data))
    except ValidationError as error:
        raise _invalid_data(error) from error
    typed = known.model_dump(exclude_unset=True)
    return {key: typed.get(key) for key in data}


def _invalid_data(error: ValidationError) -> Invalid:
    place = [*BODY, "data"]
    return Invalid(
        [
            {"type": fault["type"], "loc": [*place, *fault["loc"]], "msg": fault["msg"]}
            for fault in error.errors()
        ]
    )


def _checked_fields(fields: dict[str, Any]) -> dict[str, Any]:
    """Return fields as the database keeps them; raise what it cannot keep."""
    for name in fields.keys() & MAPS - {"data"}:  # which is checked by its kind
        _checked(fields[name], name)
    return {
        name: to_milliseconds(value) if isinstance(value, datetime) else value
        for name, value in fields.items()
    }


def _checked(value: dict[str, Any], name: str) -> dict[str, Any]:
    check_storable(value, (*BODY, name))
    if len(encode(value)) > LARGEST_DATA:
        raise TooLarge(f"{name}: over {LARGEST_DATA} bytes; store it as an artifact")
    return value

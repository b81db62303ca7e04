# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a request makes of a node: pure functions from one `StoredNode` to the next."""

from datetime import datetime, timedelta
from typing import Any

from bson import ObjectId, encode
from pydantic import ValidationError

from kci_api.callers.rules import Caller
from kci_api.nodes.rules import check_transition
from kci_api.nodes.stored import MAPS, StoredNode
from kci_api.requests import Location, check_storable, invalid
from kci_api.times import to_milliseconds
from kci_shared.errors import Invalid, TooLarge
from kci_shared.models import Kind, NewNode, NodePatch, Result, State
from kci_shared.models.data import DATA
from kci_shared.models.nodes import Access, fields_with

DEFAULT_TIMEOUT = timedelta(hours=6)
MAX_MAP_BYTES = 1 << 20
"""A node and its pending events are one document, of at most 16 MB."""
BODY: Location = ("body",)
EDITABLE = fields_with(Access.EDITABLE)
FIXED = fields_with(Access.FIXED)
PLAIN_MAPS = MAPS - {"data"}
"""Maps that mean the same in nodes of every kind."""


def create(
    new: NewNode, parent: StoredNode | None, caller: Caller, now: datetime
) -> StoredNode:
    """Return the node that a client sent, with the fields that the API sets."""
    node_id = ObjectId()
    data = dict(new.data)
    if parent and data.get("kernel_revision") is None:
        data |= _revision(parent)
    by_api = {
        "id": node_id,
        "data": checked_data(new.kind, data),
        "path": [*(parent.path if parent else ()), new.name],
        "parent": parent and parent.id,
        "result": new.result or _default_result(new.kind),
        "created": now,
        "updated": now,
        "timeout": to_milliseconds(new.timeout or now + DEFAULT_TIMEOUT),
        "owner": caller.name,
        "treeid": parent.treeid if parent else new.treeid or str(node_id),
        "user_groups": list(dict.fromkeys(new.user_groups)),
        "ancestors": [*parent.ancestors, parent.id] if parent else [],
        "runtime": _runtime(data) or (parent and parent.runtime),
    }
    return StoredNode(**{**_checked_fields(vars(new)), **by_api})


def _default_result(kind: Kind) -> Result | None:
    return Result.FAIL if kind is Kind.REGRESSION else None


def patched(node: StoredNode, patch: NodePatch, now: datetime) -> StoredNode:
    """Return the node after a PATCH: maps are merged, other fields are set."""
    return merged(node, _sent_fields(patch), now)


def merged(node: StoredNode, fields: dict[str, Any], now: datetime) -> StoredNode:
    """Return the node with maps merged key by key, and other fields set."""
    maps = {
        name: _merge(getattr(node, name), fields[name]) for name in MAPS & fields.keys()
    }
    return edited(node, {**fields, **maps}, now)


def replaced(node: StoredNode, body: NewNode, now: datetime) -> StoredNode:
    """Return the node after a PUT: each editable field that the body has is set."""
    return edited(node, editable_fields(node, body, BODY), now)


def editable_fields(
    node: StoredNode, body: NewNode, location: Location
) -> dict[str, Any]:
    """Return the editable fields of a body; `Invalid` if it changes a fixed one."""
    for name in FIXED:
        sent, stored = getattr(body, name), getattr(node, name)
        if name in body.model_fields_set and sent != (stored and str(stored)):
            raise invalid((*location, name), f"it is {stored}, and cannot change")
    return _sent_fields(body)


def _sent_fields(body: NewNode | NodePatch) -> dict[str, Any]:
    sent = body.model_fields_set
    return {name: getattr(body, name) for name in EDITABLE if name in sent}


def edited(node: StoredNode, fields: dict[str, Any], now: datetime) -> StoredNode:
    """Return the node with fields set; the same object if nothing differs."""
    if (state := fields.get("state", node.state)) is None:
        raise invalid((*BODY, "state"), "null is not a state; leave it out")
    check_transition(node, state)
    fields = _checked_fields(fields)
    if "data" in fields:
        fields = {**fields, **_new_data(node, fields["data"])}
    if all(getattr(node, name) == value for name, value in fields.items()):
        return node
    return _next_version(node, fields, now)


def touched(node: StoredNode, now: datetime) -> StoredNode:
    """Return the next version of a node of which only the subtree changed."""
    return _next_version(node, {}, now)


def _next_version(
    node: StoredNode, fields: dict[str, Any], now: datetime
) -> StoredNode:
    by_api: dict[str, Any] = {"version": node.version + 1, "updated": now}
    if fields.get("state") is State.DONE and node.state is not State.DONE:
        # its holder, if any, has lost the claim
        by_api |= {"claim": None, "fence": node.fence + 1}
    return node.model_copy(update={**by_api, **fields})


def _new_data(node: StoredNode, data: dict[str, Any]) -> dict[str, Any]:
    if node.parent and data.get("kernel_revision") is None:
        data = {**data, **_revision(node)}
    checked = checked_data(node.kind, data)
    return {"data": checked, "runtime": _runtime(checked) or node.runtime}


def _runtime(data: dict[str, Any]) -> str | None:
    # data of a kind without runtimes may have any value under that key
    runtime = data.get("runtime")
    return runtime if isinstance(runtime, str) else None


def _revision(node: StoredNode) -> dict[str, Any]:
    revision = node.data.get("kernel_revision")
    return {} if revision is None else {"kernel_revision": revision}


def _merge(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in {**old, **new}.items() if value is not None}


def checked_data(kind: Kind, data: dict[str, Any]) -> dict[str, Any]:
    """Return the data as sent, with the fields of the kind's model validated.

    Raise `Invalid` or `TooLarge` for data that cannot be stored.
    """
    _check_map(data, "data")
    try:
        # a null means the same as a missing key, whatever the field's type
        model = DATA[kind].model_validate(_merge({}, data))
    except ValidationError as error:
        raise _invalid_data(error) from error
    typed = model.model_dump(exclude_unset=True)
    return {key: typed.get(key) for key in data}


def _invalid_data(error: ValidationError) -> Invalid:
    location = [*BODY, "data"]
    return Invalid(
        [
            {"type": one["type"], "loc": [*location, *one["loc"]], "msg": one["msg"]}
            for one in error.errors()
        ]
    )


def _checked_fields(fields: dict[str, Any]) -> dict[str, Any]:
    """Return fields as the database keeps them; raise if it cannot keep them."""
    for name in fields.keys() & PLAIN_MAPS:
        _check_map(fields[name], name)
    return {
        name: to_milliseconds(value) if isinstance(value, datetime) else value
        for name, value in fields.items()
    }


def _check_map(value: dict[str, Any], name: str) -> None:
    if not value:
        return
    check_storable(value, (*BODY, name))
    if len(encode(value)) > MAX_MAP_BYTES:
        raise TooLarge(f"{name}: over {MAX_MAP_BYTES} bytes; store it as an artifact")

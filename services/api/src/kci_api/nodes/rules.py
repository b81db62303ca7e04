# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who may change a node, what may follow what, and what the world is told of it."""

import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from beanie import PydanticObjectId
from bson.errors import InvalidId

from kci_api.callers.rules import Caller
from kci_api.nodes.documents import StoredNode
from kci_api.nodes.wire import node_answer
from kci_api.times import stamp
from kci_shared.errors import BadRequest, Conflict, Invalid, KciError, NotLoggedIn
from kci_shared.models import (
    Event,
    Kind,
    NodeChange,
    Op,
    State,
    Status,
    may_become,
)

DEEPEST = 40
"""How many levels the data of a node may have; MongoDB takes 100 in all."""
LARGEST_INT = 2**63 - 1
SURROGATE = re.compile("[\ud800-\udfff]")
"""Half a character: JSON can say it, UTF-8 cannot."""

Place = tuple[str | int, ...]
"""Where in a request something stands, as FastAPI names it."""


@dataclass(frozen=True)
class Terms:
    """Under which conditions a change is meant."""

    if_version: int | None = None
    token: int | None = None
    """Of the claim that the caller holds, if it says that it holds one."""
    quiet: bool = False


class WrongTurn(KciError):
    """A node cannot go from the state that it has to the one that was asked for."""

    def __init__(self, node: StoredNode, state: State | Status) -> None:
        super().__init__(f"Transition not allowed with state: {state}")
        self.node = node


def may_edit(caller: Caller, node: StoredNode) -> bool:
    """Say whether a caller may change a node; a token's scopes replace all else."""
    if caller.scopes is not None:
        return not caller.scopes.isdisjoint(_scopes(node))
    return (
        caller.is_superuser
        or caller.name == node.owner
        or not caller.groups.isdisjoint(_groups(node))
    )


def check_edit(caller: Caller, before: StoredNode, after: StoredNode) -> None:
    """Raise what forbids a caller to make a node that other one.

    What a regression's status is, people say where it is remembered who said it.
    """
    require(may_edit(caller, after))
    is_person = caller.scopes is None
    for key in ("status", "history") if after.kind is Kind.REGRESSION else ():
        if is_person and before.data.get(key) != after.data.get(key):
            remedy = f"PUT /latest/regression/{after.id}/status changes it"
            raise invalid(("body", "data", key), remedy)


def may_create(caller: Caller, node: StoredNode, parent: StoredNode | None) -> bool:
    """Say whether a caller may add a node below a parent, or a root."""
    if parent is None:
        return caller.scopes is None or "nodes:write" in caller.scopes
    return may_edit(caller, parent) and may_edit(caller, node)


def may_run(caller: Caller, runtime: str) -> bool:
    """Say whether a caller may claim the nodes of a runtime."""
    if caller.scopes is not None:
        return not caller.scopes.isdisjoint({"nodes:write", f"runtime:{runtime}"})
    allowed = {"node:edit:any", *_runtime_groups(runtime)}
    return caller.is_superuser or not caller.groups.isdisjoint(allowed)


def require(allowed: bool) -> None:
    """Refuse, in the words that clients know, what is not allowed."""
    if not allowed:
        raise NotLoggedIn("Unauthorized to complete the operation")


def _scopes(node: StoredNode) -> Iterator[str]:
    yield "nodes:write"
    for node_id in (*node.ancestors, node.id):
        yield f"node:{node_id}"
    if node.runtime:
        yield f"runtime:{node.runtime}"


def _groups(node: StoredNode) -> Iterator[str]:
    yield "node:edit:any"
    yield from node.user_groups
    if node.runtime:
        yield from _runtime_groups(node.runtime)


def _runtime_groups(runtime: str) -> tuple[str, str]:
    return f"runtime:{runtime}:node-editor", f"runtime:{runtime}:node-admin"


def check_transition(node: StoredNode, state: State) -> None:
    """Raise `WrongTurn` unless a node may go to a state from where it is."""
    if not may_become(node.state, state):
        raise WrongTurn(node, state)


def check_terms(node: StoredNode, terms: Terms) -> None:
    """Raise `Conflict` unless a node is as the caller believes it to be."""
    if terms.if_version is not None and terms.if_version != node.version:
        raise Conflict(node_answer(node.to_mongo()))


def holds(node: StoredNode, token: int) -> bool:
    """Say whether a token is that of the claim that a node has now."""
    return node.claim is not None and node.fence == token


def must_hold(caller: Caller) -> bool:
    """Say whether a caller is a lab: it changes what a run holds by its token only."""
    scopes = caller.scopes
    return scopes is not None and all(one.startswith("runtime:") for one in scopes)


def lost(node: StoredNode) -> Conflict:
    """Tell a late holder that its claim is over."""
    return Conflict(
        f"the claim of node {node.id} is lost: stop the run and report nothing"
    )


def parse_id(text: str) -> PydanticObjectId:
    """Read a node's id, or say what one looks like."""
    try:
        return PydanticObjectId(text)
    except InvalidId as error:
        raise BadRequest(str(error)) from error


def invalid(place: Place, message: str) -> Invalid:
    """Name a field of the request that is wrong, in FastAPI's shape."""
    return Invalid([{"type": "value_error", "loc": list(place), "msg": message}])


@contextmanager
def inside(*place: str | int) -> Iterator[None]:
    """Make what is invalid in a part of the request name its place in the whole."""
    try:
        yield
    except Invalid as error:
        faults: list[dict[str, Any]] = error.detail
        raise Invalid(
            [{**fault, "loc": [*place, *fault["loc"][1:]]} for fault in faults]
        ) from error


def check_storable(value: Any, place: Place) -> None:
    """Raise `Invalid` for what JSON can say and the database, or JSON, cannot."""
    if len(place) > DEEPEST:
        raise invalid(place, f"nested more than {DEEPEST} levels deep")
    match value:
        case dict():
            for key, inner in value.items():
                if key.startswith("$") or "\0" in key:
                    raise invalid(place, f"{key!r}: a key must not start with '$'")
                check_storable(key, place)
                check_storable(inner, (*place, key))
        case list():
            for number, inner in enumerate(value):
                check_storable(inner, (*place, number))
        case str() if SURROGATE.search(value):
            raise invalid(place, "not a valid string: half of a surrogate pair")
        case float() if not math.isfinite(value):
            raise invalid(place, "not a finite number")
        case int() if abs(value) > LARGEST_INT:
            raise invalid(place, "an integer must fit into 64 bits; send a string")


def change_event(
    after: StoredNode, before: StoredNode | None, is_hierarchy: bool = False
) -> Event:
    """Tell of a change; the same change is always told under the same id."""
    return Event(
        id=f"{after.id}-{after.version}",
        time=after.updated,
        owner=after.owner,
        data=NodeChange(
            op=Op.UPDATED if before else Op.CREATED,
            id=str(after.id),
            **{field: getattr(after, field) for field in TOLD},
            is_hierarchy=is_hierarchy,
            previous_state=before and before.state,
            previous_result=before and before.result,
        ),
    )


TOLD = ("kind", "name", "path", "group", "state", "result", "owner", "data")


def outbox_entry(event: Event, version: int) -> dict[str, Any]:
    """Return the event as it waits in its node for the relay."""
    told = event.model_dump(mode="json", by_alias=True, exclude={"sequence"})
    if event.data.op is Op.CREATED:
        del told["data"]["previous_state"], told["data"]["previous_result"]
    return {"version": version, "event": {**told, "time": stamp(event.time)}}

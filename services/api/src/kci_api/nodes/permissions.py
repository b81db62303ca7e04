# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who may create, change and run a node."""

from collections.abc import Iterator

from kci_api.callers.rules import Caller, Scope
from kci_api.nodes.stored import StoredNode
from kci_api.requests import invalid
from kci_shared.errors import Conflict, NotLoggedIn
from kci_shared.models import Kind

ANY_EDITOR = "node:edit:any"
"""The group whose members may edit every node."""
TRACKED = ("status", "history")
"""Data of a regression that people change only where it is recorded who did."""


def require(allowed: bool) -> None:
    """Raise `NotLoggedIn`, with the text that clients know, unless allowed."""
    if not allowed:
        raise NotLoggedIn("Unauthorized to complete the operation")


def may_edit(caller: Caller, node: StoredNode) -> bool:
    """Return whether a caller may change a node.

    For a service only the scopes of its token count, for a person ownership and groups.
    """
    if caller.scopes is not None:
        return not caller.scopes.isdisjoint(_scopes(node))
    return (
        caller.is_superuser
        or caller.name == node.owner
        or not caller.groups.isdisjoint(_groups(node))
    )


def check_edit(caller: Caller, before: StoredNode, after: StoredNode) -> None:
    """Raise unless a caller may turn one node into the other."""
    require(may_edit(caller, after))
    is_person = caller.scopes is None
    for key in TRACKED if after.kind is Kind.REGRESSION else ():
        if is_person and before.data.get(key) != after.data.get(key):
            path = f"PUT /latest/regression/{after.id}/status"
            raise invalid(("body", "data", key), f"cannot change here; use {path}")


def may_create(caller: Caller, node: StoredNode, parent: StoredNode | None) -> bool:
    """Return whether a caller may create a node below a parent, or a root."""
    if parent is None:
        return caller.scopes is None or Scope.NODES_WRITE in caller.scopes
    return may_edit(caller, parent) and may_edit(caller, node)


def may_run(caller: Caller, runtime: str) -> bool:
    """Return whether a caller may claim the nodes of a runtime."""
    if caller.scopes is not None:
        allowed = {Scope.NODES_WRITE, f"runtime:{runtime}"}
        return not caller.scopes.isdisjoint(allowed)
    groups = {ANY_EDITOR, *_runtime_groups(runtime)}
    return caller.is_superuser or not caller.groups.isdisjoint(groups)


def needs_token(caller: Caller) -> bool:
    """Return whether a caller changes claimed nodes only with the claim's token.

    So it is for a lab: a service whose token has no scope but `runtime:...`.
    """
    scopes = caller.scopes
    return scopes is not None and all(one.startswith("runtime:") for one in scopes)


def check_not_claimed(caller: Caller, node: StoredNode) -> None:
    """Raise `Conflict` if a lab writes to a claimed node without the token."""
    if node.claim is not None and needs_token(caller):
        raise Conflict(
            f"node {node.id} is held: send the token of its claim as Claim-Token"
        )


def _scopes(node: StoredNode) -> Iterator[str]:
    yield Scope.NODES_WRITE
    for node_id in (*node.ancestors, node.id):
        yield f"node:{node_id}"
    if node.runtime:
        yield f"runtime:{node.runtime}"


def _groups(node: StoredNode) -> Iterator[str]:
    yield ANY_EDITOR
    yield from node.user_groups
    if node.runtime:
        yield from _runtime_groups(node.runtime)


def _runtime_groups(runtime: str) -> tuple[str, str]:
    return f"runtime:{runtime}:node-editor", f"runtime:{runtime}:node-admin"

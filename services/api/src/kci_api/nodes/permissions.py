# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who may create, change and run a node."""

from collections.abc import Iterator

from kci_api.callers.rules import Caller
from kci_api.nodes.stored import StoredNode
from kci_api.requests import invalid
from kci_shared.errors import Conflict, NotLoggedIn
from kci_shared.models import Kind


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


def must_hold(caller: Caller) -> bool:
    """Say whether a caller is a lab: it changes what a run holds by its token only."""
    scopes = caller.scopes
    return scopes is not None and all(one.startswith("runtime:") for one in scopes)


def check_unheld(caller: Caller, node: StoredNode) -> None:
    """Raise `Conflict` if a lab writes to a node that some run holds."""
    if node.claim is not None and must_hold(caller):
        raise Conflict(
            f"node {node.id} is held: send the token of its claim as Claim-Token"
        )


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

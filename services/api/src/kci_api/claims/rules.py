# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a node becomes when it is claimed, renewed, adopted, released or reported."""

from datetime import datetime, timedelta
from typing import Any, assert_never

from kci_api.callers.rules import Caller
from kci_api.nodes.changes import merged
from kci_api.nodes.plans import Change, with_event
from kci_api.nodes.rules import claim_lost, holds_claim
from kci_api.nodes.stored import StoredNode
from kci_api.times import stamp
from kci_shared.errors import Conflict
from kci_shared.models import (
    Adoption,
    Claim,
    ClaimRequest,
    Kind,
    Release,
    Report,
    State,
)
from kci_shared.rules.attempts import MOST_ATTEMPTS

BY_PRIORITY_THEN_AGE = [("data.priority", -1), ("created", 1)]


def is_claimable(kind: Kind) -> bool:
    """Return whether nodes of a kind run somewhere, so that a bridge claims them."""
    match kind:
        case Kind.CHECKOUT | Kind.KBUILD | Kind.JOB | Kind.PROCESS:
            return True
        case Kind.TEST | Kind.REGRESSION:
            return False
        case _:
            assert_never(kind)


def claimable(request: ClaimRequest, now: datetime) -> dict[str, Any]:
    """Return the filter of the nodes that a request may claim."""
    return {
        "data.runtime": request.runtime,
        "state": State.RUNNING,
        "kind": {"$in": [kind for kind in Kind if is_claimable(kind)]},
        "data.platform": {"$in": request.platforms},
        "attempts": {"$lt": MOST_ATTEMPTS},
        **not_claimed(now),
    }


def not_claimed(now: datetime) -> dict[str, Any]:
    """Return the filter of nodes without a claim, or with one that has expired."""
    return {"claim.expires": {"$not": {"$gte": now}}}


def claimed(node: StoredNode, caller: Caller, lease_s: float, now: datetime) -> Change:
    """Return the change by which a caller claims a node, with a new token."""
    run_timeout = node.data.get("run_timeout")
    claim = Claim(
        holder=caller.name,
        expires=expiry(now, lease_s),
        attempt=node.attempts + 1,
        deadline=None if run_timeout is None else expiry(now, run_timeout),
    )
    after = _next_version(
        node, now, claim=claim, fence=node.fence + 1, attempts=claim.attempt
    )
    change = with_event(node, after)
    # a renewed lease makes no new version, so the version alone does not show it
    return Change(change.before, change.after, change.entry, not_claimed(now))


def adopted(
    node: StoredNode, caller: Caller, request: Adoption, now: datetime
) -> Change:
    """Return the change after a restart of the holder: same attempt, new token."""
    if node.data.get("runtime") != request.runtime:
        raise Conflict(
            f"node {node.id} belongs to another runtime than {request.runtime}"
        )
    if node.claim is None or node.claim.holder != caller.name:
        raise Conflict(f"node {node.id} is not held by {caller.name}")
    if request.attempt not in (None, node.claim.attempt):
        raise Conflict(f"node {node.id} was claimed again since")
    claim = node.claim.model_copy(update={"expires": expiry(now, request.lease)})
    after = _next_version(node, now, claim=claim, fence=node.fence + 1)
    return with_event(node, after)


def released(node: StoredNode, request: Release, now: datetime) -> StoredNode:
    """Return the node without its claim, whose attempt does not count.

    The same object if this request was served before.
    """
    is_running = node.state is State.RUNNING
    if node.claim is None and node.fence == request.token and is_running:
        return node
    _check_holds(node, request.token)
    note = {"at": stamp(now), "reason": request.reason}
    return _next_version(
        node,
        now,
        claim=None,
        attempts=node.attempts - 1,
        debug={**node.debug, "released": note},
    )


def with_data(
    node: StoredNode, token: int, data: dict[str, Any], now: datetime
) -> StoredNode:
    """Return the node with data that the holder of its claim adds."""
    _check_holds(node, token)
    return merged(node, {"data": data}, now)


def reported(node: StoredNode, report: Report, now: datetime) -> StoredNode:
    """Return the node with its outcome; the same object if the report is repeated."""
    if is_repeated(node, report):
        return node
    _check_holds(node, report.token)
    outcome = report.outcome
    errors = {"error_code": outcome.error_code, "error_msg": outcome.error_msg}
    fields = {
        "state": outcome.state,
        "result": outcome.result,
        "data": {**report.data, **errors},
        "artifacts": report.artifacts,
    }
    ended = merged(node, fields, now)
    # the token stays valid, so that the holder can repeat its report
    return ended.model_copy(update={"fence": node.fence, "claim": None})


def is_repeated(node: StoredNode, report: Report) -> bool:
    """Return whether a report with the same token has ended the claim before."""
    ended = node.claim is None and node.state is not State.RUNNING
    return ended and node.fence == report.token


def expiry(now: datetime, seconds: float) -> datetime:
    """Return the time in some seconds, in the precision of the database."""
    return now + timedelta(milliseconds=round(seconds * 1000))


def _check_holds(node: StoredNode, token: int) -> None:
    if not holds_claim(node, token):
        raise claim_lost(node)


def _next_version(node: StoredNode, now: datetime, **fields: Any) -> StoredNode:
    by_api = {"version": node.version + 1, "updated": now}
    return node.model_copy(update={**by_api, **fields})

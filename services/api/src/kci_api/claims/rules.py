# SPDX-License-Identifier: LGPL-2.1-or-later
"""What claiming makes of a node, and who may claim, renew, adopt, release, report."""

from datetime import datetime, timedelta
from typing import Any

from kci_api.callers.rules import Caller
from kci_api.nodes.changes import merged
from kci_api.nodes.plans import Change, told
from kci_api.nodes.rules import holds, lost
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

CLAIMABLE = (Kind.CHECKOUT, Kind.KBUILD, Kind.JOB, Kind.PROCESS)
BY_PRIORITY_THEN_AGE = [("data.priority", -1), ("created", 1)]


def waiting(wanted: ClaimRequest, now: datetime) -> dict[str, Any]:
    """Return the filter of the nodes that a request may be given."""
    return {
        "data.runtime": wanted.runtime,
        "state": State.RUNNING,
        "kind": {"$in": list(CLAIMABLE)},
        "data.platform": {"$in": wanted.platforms},
        "attempts": {"$lt": MOST_ATTEMPTS},
        **unheld(now),
    }


def unheld(now: datetime) -> dict[str, Any]:
    """Return the filter of nodes that nobody holds: no claim, or its lease ran out."""
    return {"claim.expires": {"$not": {"$gte": now}}}


def claimed(node: StoredNode, caller: Caller, lease: float, now: datetime) -> Change:
    """Return a node in the hands of a caller, whose token no earlier holder has."""
    longest = node.data.get("run_timeout")
    claim = Claim(
        holder=caller.name,
        expires=expiry(now, lease),
        attempt=node.attempts + 1,
        deadline=None if longest is None else expiry(now, longest),
    )
    after = _changed(
        node, now, claim=claim, fence=node.fence + 1, attempts=claim.attempt
    )
    change = told(node, after)
    # a heartbeat changes no version, so it must be looked for
    return Change(change.before, change.after, change.entry, unheld(now))


def adopted(node: StoredNode, caller: Caller, asked: Adoption, now: datetime) -> Change:
    """Return a node whose holder has restarted: same attempt, new token."""
    if node.data.get("runtime") != asked.runtime:
        raise Conflict(f"node {node.id} is not of runtime {asked.runtime}")
    if node.claim is None or node.claim.holder != caller.name:
        raise Conflict(f"node {node.id} is not held by {caller.name}")
    if asked.attempt not in (None, node.claim.attempt):
        raise Conflict(f"node {node.id} was claimed again since")
    claim = node.claim.model_copy(update={"expires": expiry(now, asked.lease)})
    return told(node, _changed(node, now, claim=claim, fence=node.fence + 1))


def released(node: StoredNode, asked: Release, now: datetime) -> StoredNode:
    """Return a node given back: the attempt does not count. The same if it was so."""
    if node.claim is None and node.fence == asked.token and node.state is State.RUNNING:
        return node
    _check_holds(node, asked.token)
    note = {"at": stamp(now), "reason": asked.reason}
    return _changed(
        node,
        now,
        claim=None,
        attempts=node.attempts - 1,
        debug={**node.debug, "released": note},
    )


def noted(
    node: StoredNode, token: int, data: dict[str, Any], now: datetime
) -> StoredNode:
    """Return a node with the lab's own facts."""
    _check_holds(node, token)
    return merged(node, {"data": data}, now)


def reported(node: StoredNode, report: Report, now: datetime) -> StoredNode:
    """Return a node with its outcome: the very same if this report was heard before."""
    if is_repeated(node, report):
        return node
    _check_holds(node, report.token)
    outcome = report.outcome
    errors = {"error_code": outcome.error_code, "error_msg": outcome.error_msg}
    said = {
        "state": outcome.state,
        "result": outcome.result,
        "data": {**report.data, **errors},
        "artifacts": report.artifacts,
    }
    ended = merged(node, said, now)
    # the holder itself ended it: its token stays good for saying so again
    return ended.model_copy(update={"fence": node.fence, "claim": None})


def is_repeated(node: StoredNode, report: Report) -> bool:
    """Say whether a claim was ended by the very report that comes once more."""
    ended = node.claim is None and node.state is not State.RUNNING
    return ended and node.fence == report.token


def expiry(now: datetime, lease: float) -> datetime:
    """Return when a lease of some seconds runs out, as the database can keep it."""
    return now + timedelta(milliseconds=round(lease * 1000))


def _check_holds(node: StoredNode, token: int) -> None:
    if not holds(node, token):
        raise lost(node)


def _changed(node: StoredNode, now: datetime, **fields: Any) -> StoredNode:
    server = {"version": node.version + 1, "updated": now}
    return node.model_copy(update={**server, **fields})

# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who may set which status of a regression, and the history that records it."""

from datetime import datetime
from typing import Any

from kci_api.callers.rules import Caller
from kci_api.nodes.changes import merged
from kci_api.nodes.permissions import may_edit, require
from kci_api.nodes.rules import InvalidTransition
from kci_api.nodes.stored import StoredNode
from kci_api.requests import invalid
from kci_api.times import stamp
from kci_shared.errors import NotFound
from kci_shared.models import MOVES, Kind, Move, Status, StatusChange

MAX_HISTORY = 1000
"""How many changes of status a regression can have."""
SET_WITH_STATUS = ("resolution", "duplicate_of", "fix")


def moved(node: StoredNode, move: Move, caller: Caller, now: datetime) -> StoredNode:
    """Return the regression with the status that a caller gives it.

    The same object if nothing changes: the status is set already, or the mail that
    sets it was processed before.
    """
    if node.kind is not Kind.REGRESSION:
        raise NotFound(f"node {node.id} is a {node.kind}, not a regression")
    require(may_move(caller, node, move))
    old = Status(node.data.get("status") or Status.NEW)
    history: list[dict[str, Any]] = node.data.get("history") or []
    fields = {name: getattr(move, name) for name in SET_WITH_STATUS}
    if any(_is_of_mail(entry, move) for entry in history) or (
        move.status is old and all(node.data.get(key) == fields[key] for key in fields)
    ):
        return node
    if move.status is not old and move.status not in MOVES[old]:
        raise InvalidTransition(node, move.status)
    if len(history) >= MAX_HISTORY:
        message = f"it has changed {MAX_HISTORY} times, which is the limit"
        raise invalid(("body", "status"), message)
    change = StatusChange(
        at=stamp(now),
        who=move.who or caller.name,
        by=caller.name if move.who else None,
        old=old,
        new=move.status,
        reason=move.reason,
        message_id=move.message_id,
    )
    entry = change.model_dump(mode="json", exclude_none=True)
    data = {**fields, "status": move.status, "history": [*history, entry]}
    return merged(node, {"data": data}, now)


def may_move(caller: Caller, node: StoredNode, move: Move) -> bool:
    """Return whether a caller may set this status.

    Everybody with a login may acknowledge a regression or name a fix. To close one, or
    to reopen a closed one, takes the right to edit it; to speak for somebody else, a
    service or an administrator with that right.
    """
    if may_edit(caller, node):
        return move.who is None or caller.scopes is not None or caller.is_superuser
    closed = Status.CLOSED in (move.status, node.data.get("status"))
    return caller.scopes is None and move.who is None and not closed


def _is_of_mail(entry: dict[str, Any], move: Move) -> bool:
    """Return whether an entry of the history was made by the same mail."""
    recorded = (entry.get("message_id"), entry.get("new"))
    return move.message_id is not None and recorded == (move.message_id, move.status)

# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who may say what of a regression, and what it becomes by that."""

from datetime import datetime
from typing import Any

from kci_api.callers.rules import Caller
from kci_api.nodes.changes import merged
from kci_api.nodes.permissions import may_edit, require
from kci_api.nodes.rules import WrongTurn
from kci_api.nodes.stored import StoredNode
from kci_api.requests import invalid
from kci_api.times import stamp
from kci_shared.errors import NotFound
from kci_shared.models import MOVES, Kind, Move, Status, StatusChange

LONGEST = 1000
"""How many changes a regression remembers."""
SAID_WITH = ("resolution", "duplicate_of", "fix")


def moved(node: StoredNode, move: Move, caller: Caller, now: datetime) -> StoredNode:
    """Return a regression in the status that a caller gives it.

    It is the very same one if nothing is new: a mail that comes again, or a status
    that it has already.
    """
    if node.kind is not Kind.REGRESSION:
        raise NotFound(f"node {node.id} is a {node.kind}, not a regression")
    require(may_move(caller, node, move))
    old = Status(node.data.get("status") or Status.NEW)
    history: list[dict[str, Any]] = node.data.get("history") or []
    said = {name: getattr(move, name) for name in SAID_WITH}
    if any(_is_told_by(entry, move) for entry in history) or (
        move.status is old and all(node.data.get(key) == said[key] for key in said)
    ):
        return node
    if move.status is not old and move.status not in MOVES[old]:
        raise WrongTurn(node, move.status)
    if len(history) >= LONGEST:
        raise invalid(("body", "status"), f"it has changed {LONGEST} times: enough")
    entry = StatusChange(
        at=stamp(now),
        who=move.who or caller.name,
        by=caller.name if move.who else None,
        old=old,
        new=move.status,
        reason=move.reason,
        message_id=move.message_id,
    ).model_dump(mode="json", exclude_none=True)
    data = {**said, "status": move.status, "history": [*history, entry]}
    return merged(node, {"data": data}, now)


def may_move(caller: Caller, node: StoredNode, move: Move) -> bool:
    """Say whether a caller may say that.

    Whoever has a login may take a regression up or name a fix. To close it, or to open
    what is closed, one must be allowed to edit it; and only a service, which is, may
    speak for somebody else.
    """
    if may_edit(caller, node):
        return move.who is None or caller.scopes is not None or caller.is_superuser
    closed = Status.CLOSED in (move.status, node.data.get("status"))
    return caller.scopes is None and move.who is None and not closed


def _is_told_by(entry: dict[str, Any], move: Move) -> bool:
    """Say whether an entry of the history is this very move of a mail."""
    told = (entry.get("message_id"), entry.get("new"))
    return move.message_id is not None and told == (move.message_id, move.status)

# SPDX-License-Identifier: LGPL-2.1-or-later
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from kci_api.callers.rules import Caller, service_caller
from kci_api.nodes.changes import create, patched
from kci_api.nodes.permissions import check_edit
from kci_api.nodes.rules import InvalidTransition
from kci_api.nodes.stored import StoredNode
from kci_api.regressions.rules import moved
from kci_shared.errors import Invalid, NotFound, NotLoggedIn
from kci_shared.models import MOVES, Move, NewNode, NodePatch, Status

NOW = datetime(2026, 11, 22, tzinfo=UTC)
TRACKER = service_caller("regression-tracker", frozenset({"nodes:write"}))
MAILS = service_caller("email-listener", frozenset({"nodes:write"}))
EDITOR = Caller("erin", groups=frozenset({"node:edit:any"}))
ALICE = Caller("alice")
CLOSED = {"status": "closed", "resolution": "wontfix"}


def regression(**data: Any) -> StoredNode:
    data = {"fail_node": "0" * 24, "pass_node": "1" * 24, **data}
    new = NewNode.model_validate({"kind": "regression", "name": "boot", "data": data})
    return create(new, None, TRACKER, NOW)


def move(node: StoredNode, caller: Caller = ALICE, **fields: Any) -> StoredNode:
    return moved(node, Move.model_validate(fields), caller, NOW)


def test_every_person_may_acknowledge_a_regression_and_is_recorded() -> None:
    taken = move(regression(), status="acknowledged", reason="mine")
    fixed = move(taken, EDITOR, status="fix-pending", fix="1f2e3d4c5d6a")
    assert (fixed.data["status"], fixed.data["fix"]) == ("fix-pending", "1f2e3d4c5d6a")
    fields = [
        (entry["who"], entry["old"], entry["new"], entry.get("reason"))
        for entry in fixed.data["history"]
    ]
    assert fields == [
        ("alice", "new", "acknowledged", "mine"),
        ("erin", "acknowledged", "fix-pending", None),
    ]
    assert fixed.version == 3


def test_a_fix_is_removed_with_its_status() -> None:
    pending = move(regression(), status="fix-pending", fix="x: y")
    assert "fix" not in move(pending, status="acknowledged").data


@pytest.mark.parametrize("old", list(Status))
@pytest.mark.parametrize("new", list(Status))
def test_only_allowed_moves_are_made(old: Status, new: Status) -> None:
    fields = {"status": new} | ({"resolution": "wontfix"} if new == "closed" else {})
    node = regression(status=old, resolution="wontfix" if old == "closed" else None)
    if new is old:
        assert move(node, EDITOR, **fields) is node
    elif new in MOVES[old]:
        assert move(node, EDITOR, **fields).data["status"] == new
    else:
        with pytest.raises(InvalidTransition, match=f"with state: {new}"):
            move(node, EDITOR, **fields)


def test_nobody_can_set_the_status_fixed() -> None:
    assert not any({Status.FIXED, Status.WITHDRAWN} & after for after in MOVES.values())


def test_to_close_or_reopen_takes_more_than_a_login() -> None:
    with pytest.raises(NotLoggedIn):
        move(regression(), ALICE, **CLOSED)
    closed = move(regression(), EDITOR, **CLOSED)
    with pytest.raises(NotLoggedIn):
        move(closed, ALICE, status="acknowledged")
    opened = move(closed, EDITOR, status="acknowledged")
    assert "resolution" not in opened.data


def test_a_service_speaks_for_the_author_of_a_mail_and_once_only() -> None:
    fields = {"status": "acknowledged", "who": "bob@kernel.org", "message_id": "<1@k>"}
    taken = move(regression(), MAILS, **fields)
    [entry] = taken.data["history"]
    assert (entry["who"], entry["by"]) == ("bob@kernel.org", "email-listener")
    back = move(taken, status="new")
    assert move(back, MAILS, **fields) is back


@pytest.mark.parametrize("caller", [ALICE, EDITOR])
def test_a_person_speaks_for_nobody_else(caller: Caller) -> None:
    with pytest.raises(NotLoggedIn):
        move(regression(), caller, status="acknowledged", who="bob@kernel.org")


def test_a_lab_cannot_set_a_status() -> None:
    lab = service_caller("lab", frozenset({"runtime:lab-x"}))
    with pytest.raises(NotLoggedIn):
        move(regression(runtime="lab-y"), lab, status="acknowledged")


def test_only_a_regression_has_a_status() -> None:
    new = NewNode.model_validate({"kind": "job", "name": "boot"})
    with pytest.raises(NotFound, match="not a regression"):
        move(create(new, None, ALICE, NOW), status="acknowledged")


def test_a_history_has_a_maximum_length() -> None:
    entry = {"at": "t", "who": "x", "old": "new", "new": "new"}
    with pytest.raises(Invalid, match="the limit"):
        move(regression(history=[entry] * 1000), status="acknowledged")


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"status": "closed"}, "resolution"),
        ({"status": "acknowledged", "resolution": "wontfix"}, "resolution"),
        ({"status": "closed", "resolution": "dup"}, "duplicate_of"),
        ({"status": "closed", "resolution": "invalid"}, "reason"),
        ({"status": "acknowledged", "fix": "x"}, "fix"),
        ({"status": "acknowledged", "because": "x"}, "because"),
        ({"status": "solved"}, "fix-pending"),
        ({"status": "new", "reason": "x" * 501}, "reason"),
    ],
)
def test_contradicting_fields_are_refused_by_name(
    fields: dict[str, Any], named: str
) -> None:
    with pytest.raises(ValidationError, match=named):
        Move.model_validate(fields)


@pytest.mark.parametrize("fields", [{"status": "fixed"}, {"history": []}])
def test_people_cannot_set_a_status_by_a_patch(fields: dict[str, Any]) -> None:
    before = move(regression(), status="acknowledged")
    after = patched(before, NodePatch(data=fields), NOW)
    with pytest.raises(Invalid, match="cannot change here; use PUT"):
        check_edit(EDITOR, before, after)
    check_edit(TRACKER, before, after)
    check_edit(EDITOR, before, patched(before, NodePatch(data={"note": "x"}), NOW))

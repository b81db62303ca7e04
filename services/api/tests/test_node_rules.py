# SPDX-License-Identifier: LGPL-2.1-or-later
from datetime import UTC, datetime
from typing import Any

import pytest
from beanie import PydanticObjectId

from kci_api.callers.rules import Caller
from kci_api.nodes.events import change_event, outbox_entry
from kci_api.nodes.permissions import may_create, may_edit, may_run, require
from kci_api.nodes.rules import (
    InvalidTransition,
    VersionMismatch,
    WriteOptions,
    check_transition,
    check_version,
)
from kci_api.nodes.stored import StoredNode
from kci_api.nodes.wire import node_fields
from kci_api.requests import MAX_NESTING, check_storable, invalid, located_at, parse_id
from kci_shared.errors import BadRequest, Invalid, NotLoggedIn
from kci_shared.models import Claim, Event, Kind, State
from kci_shared.models.nodes import BaseNode

NOW = datetime(2026, 11, 22, 12, 37, 54, 783000, UTC)
ROOT = PydanticObjectId("65265305c74695807499037f")
ID = PydanticObjectId("65265305c74695807499038a")


def node(**fields: Any) -> StoredNode:
    base = {"id": ID, "kind": Kind.JOB, "name": "boot", "path": ["checkout", "boot"]}
    times = {"created": NOW, "updated": NOW}
    place = {"parent": ROOT, "ancestors": [ROOT], "treeid": str(ROOT)}
    return StoredNode(**{**base, **times, **place, "owner": "alice", **fields})


def token(*scopes: str) -> Caller:
    return Caller("service", scopes=frozenset(scopes))


def member(*groups: str) -> Caller:
    return Caller("bob", groups=frozenset(groups))


@pytest.mark.parametrize(
    ("caller", "may"),
    [
        (Caller("alice"), True),
        (Caller("bob"), False),
        (Caller("root", is_superuser=True), True),
        (member("node:edit:any"), True),
        (member("friends"), True),
        (member("strangers"), False),
        (member("runtime:lab:node-editor"), True),
        (member("runtime:lab:node-admin"), True),
        (member("runtime:other:node-admin"), False),
        (token("nodes:write"), True),
        (token("runtime:lab"), True),
        (token("runtime:other"), False),
        (token(f"node:{ID}"), True),
        (token(f"node:{ROOT}"), True),
        (token(f"node:{'0' * 24}"), False),
        (Caller("alice", is_superuser=True, scopes=frozenset()), False),
    ],
)
def test_who_may_edit_a_node(caller: Caller, may: bool) -> None:
    assert may_edit(caller, node(user_groups=["friends"], runtime="lab")) is may


def test_a_lab_cannot_edit_a_node_without_a_runtime() -> None:
    for caller in (token("runtime:None"), token("runtime:"), member("runtime::x")):
        assert not may_edit(caller, node())


def test_every_person_may_create_a_root_but_not_every_service() -> None:
    root = node(parent=None, ancestors=[], owner="bob")
    assert may_create(Caller("bob"), root, None)
    assert may_create(token("nodes:write"), root, None)
    assert not may_create(token("runtime:lab"), root, None)


def test_to_create_a_child_one_must_be_able_to_edit_it_and_its_parent() -> None:
    parent = node(id=ROOT, runtime="lab")
    assert may_create(Caller("alice"), node(), parent)
    assert not may_create(Caller("bob"), node(owner="bob"), parent)
    assert may_create(token("runtime:lab"), node(runtime="lab"), parent)
    assert not may_create(token("runtime:lab"), node(runtime="other"), parent)


def test_who_may_claim_for_a_runtime() -> None:
    may = [token("runtime:lab"), token("nodes:write"), member("node:edit:any")]
    may += [member("runtime:lab:node-editor"), Caller("root", is_superuser=True)]
    assert all(may_run(caller, "lab") for caller in may)
    may_not = [token("runtime:other"), token(f"node:{ID}"), Caller("bob")]
    assert not any(may_run(caller, "lab") for caller in may_not)


def test_a_missing_right_has_the_error_that_clients_know() -> None:
    require(True)
    with pytest.raises(NotLoggedIn, match="Unauthorized to complete the operation"):
        require(False)


def test_an_invalid_transition_names_the_state_and_the_node() -> None:
    check_transition(node(), State.CLOSING)
    with pytest.raises(
        InvalidTransition, match="Transition not allowed with state: running"
    ):
        check_transition(node(state=State.DONE), State.RUNNING)


def test_another_version_than_expected_is_an_error() -> None:
    held = node(version=3)
    check_version(held, WriteOptions())
    check_version(held, WriteOptions(if_version=3))
    with pytest.raises(VersionMismatch) as refused:
        check_version(held, WriteOptions(if_version=2))
    assert refused.value.node is held


def test_a_bad_id_has_the_message_that_clients_know() -> None:
    assert parse_id(str(ID)) == ID
    with pytest.raises(BadRequest) as refused:
        parse_id("zzz")
    assert refused.value.detail == (
        "'zzz' is not a valid ObjectId, it must be a 12-byte input or a"
        " 24-character hex string"
    )


def nested(levels: int) -> Any:
    return {"a": nested(levels - 1)} if levels else 1


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ({"$where": 1}, r"\$where"),
        ({"a": [{"$set": 1}]}, r"\$set"),
        ({"a\0b": 1}, "x00"),
        ({"a": float("nan")}, "finite"),
        ({"a": [float("inf")]}, "finite"),
        ({"a": 2**63}, "64 bits"),
        ({"a": "\ud800"}, "surrogate"),
        ({"\udfff": 1}, "surrogate"),
        (nested(MAX_NESTING + 1), "deep"),
    ],
)
def test_what_cannot_be_stored_is_refused(value: object, why: str) -> None:
    with pytest.raises(Invalid, match=why):
        check_storable(value, ("body", "data"))


def test_all_other_json_values_can_be_stored() -> None:
    value = {"a.b": [1, -(2**63) + 1, 1.5, True, None, "ü€😀", {"": "$x"}]}
    check_storable({**value, "deep": nested(30)}, ("body", "data"))


def test_an_error_in_a_part_names_its_location_in_the_whole() -> None:
    with pytest.raises(Invalid) as refused, located_at("body", 5, "node"):
        raise invalid(("body", "data"), "wrong")
    assert refused.value.detail[0]["loc"] == ["body", 5, "node", "data"]


def test_the_event_of_a_creation_has_the_keys_that_clients_know() -> None:
    entry = outbox_entry(change_event(node(data={"x": 1}), None), 1)
    assert entry["version"] == 1
    event = entry["event"]
    assert event["id"] == f"{ID}-1"
    assert event["time"] == "2026-11-22T12:37:54.783+00:00"
    assert (event["owner"], event["data"]["id"]) == ("alice", str(ID))
    assert "_sequence_id" not in event
    assert list(event["data"]) == [
        "op",
        "id",
        "kind",
        "name",
        "path",
        "group",
        "state",
        "result",
        "owner",
        "data",
        "is_hierarchy",
        "treeid",
    ]


def test_the_event_of_a_change_has_the_previous_state_and_result() -> None:
    before = node()
    after = node(version=2, state=State.DONE)
    entry = outbox_entry(change_event(after, before, is_hierarchy=True), 2)
    event = Event.model_validate({**entry["event"], "_sequence_id": 1})
    assert event.became(State.DONE)
    assert (event.data.is_hierarchy, event.id) == (True, f"{ID}-2")
    assert list(entry["event"]["data"])[-2:] == ["previous_state", "previous_result"]


def test_a_response_has_the_public_fields_in_order() -> None:
    claim = Claim(holder="lab", expires=NOW, attempt=1)
    answer = node_fields(node(claim=claim, fence=3).to_mongo())
    assert list(answer) == list(BaseNode.model_fields)
    assert (answer["id"], answer["parent"]) == (str(ID), str(ROOT))
    assert answer["created"] == "2026-11-22T12:37:54.783+00:00"
    assert answer["claim"]["expires"] == "2026-11-22T12:37:54.783+00:00"
    assert (answer["timeout"], answer["idempotency_key"]) == (None, None)

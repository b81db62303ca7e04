# SPDX-License-Identifier: LGPL-2.1-or-later
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kci_api.callers.rules import Caller
from kci_api.nodes import trees
from kci_api.nodes.changes import create, merged
from kci_api.nodes.plans import Plan
from kci_api.nodes.stored import StoredNode
from kci_api.nodes.trees import TreePlanner
from kci_shared.errors import BadRequest, Invalid, NotLoggedIn, NotPermitted, TooLarge
from kci_shared.models import NewNode, ResultTree

NOW = datetime(2026, 11, 22, tzinfo=UTC)
LATER = NOW + timedelta(seconds=1)
ALICE = Caller("alice")


def job(**fields: Any) -> StoredNode:
    body = NewNode.model_validate({"kind": "job", "name": "boot", **fields})
    return create(body, None, ALICE, NOW)


def tree(name: str, *below: Any, **fields: Any) -> dict[str, Any]:
    return {"node": {"kind": "test", "name": name, **fields}, "child_nodes": below}


def plan(
    root: StoredNode, below: list[StoredNode], *sent: Any, caller: Caller = ALICE
) -> Plan:
    children = [ResultTree.model_validate(one) for one in sent]
    return TreePlanner(caller, below, LATER).plan(root, root, children)


def names(nodes: Any) -> list[str]:
    return [node.name for node in nodes]


def test_a_new_tree_is_inserted_and_returned_depth_first() -> None:
    root = job()
    planned = plan(root, [], tree("a", tree("b"), tree("c")), tree("d"))
    assert names(planned.response) == ["boot", "a", "b", "c", "d"]
    assert names(planned.inserts) == ["a", "b", "c", "d"]
    assert planned.inserts[1].path == ["boot", "a", "b"]
    assert planned.inserts[1].ancestors == [root.id, planned.inserts[0].id]
    (change,) = planned.updates
    assert change.after.version == 2
    assert change.entry is not None
    assert change.entry["event"]["data"]["is_hierarchy"] is True


def test_a_repeated_tree_writes_nothing() -> None:
    root = job()
    sent = [tree("a", tree("b")), tree("a", state="done"), tree("c")]
    first = plan(root, [], *sent)
    root = first.updates[0].after
    again = plan(root, list(first.inserts), *sent)
    assert (again.inserts, again.updates) == ([], [])
    assert again.response == first.response


def test_a_stored_child_of_the_same_kind_and_name_is_updated() -> None:
    root = job()
    first = plan(root, [], tree("a"), tree("b"))
    again = plan(root, list(first.inserts), tree("a", result="pass"), tree("new"))
    assert names(again.inserts) == ["new"]
    assert [change.after.name for change in again.updates] == ["a", "boot"]
    assert again.updates[0].after.id == first.inserts[0].id


def test_a_root_that_changes_with_its_tree_is_written_once() -> None:
    root = job()
    after = merged(root, {"result": "pass"}, LATER)
    planned = TreePlanner(ALICE, [], LATER).plan(root, after, [])
    assert [change.after for change in planned.updates] == [after]


def test_an_id_selects_a_child_among_those_of_one_name() -> None:
    root = job()
    one, two = plan(root, [], tree("run"), tree("run")).inserts
    named = tree("run", id=str(one.id), result="fail")
    again = plan(root, [one, two], tree("run", result="pass"), named)
    results = {change.after.id: change.after.result for change in again.updates}
    assert results[two.id] == "pass"
    assert results[one.id] == "fail"


def test_a_child_with_a_foreign_id_is_not_permitted() -> None:
    root, foreign = job(), job()
    with pytest.raises(NotPermitted, match=str(foreign.id)):
        plan(root, [], tree("x", id=str(foreign.id)))
    (child,) = plan(root, [], tree("a")).inserts
    with pytest.raises(NotPermitted):
        plan(root, [child], tree("b", tree("a", id=str(child.id))))
    with pytest.raises(BadRequest, match="zzz"):
        plan(root, [], tree("x", id="zzz"))


def test_a_child_that_the_caller_may_not_edit_is_refused_unless_unchanged() -> None:
    root = job(data={"runtime": "lab"})
    other = create(
        NewNode.model_validate(
            {"kind": "job", "name": "x", "data": {"runtime": "another"}}
        ),
        root,
        Caller("root"),
        NOW,
    )
    lab = Caller("lab", scopes=frozenset({"runtime:lab"}))
    sent = {"node": {"kind": "job", "name": "x", "result": "pass"}}
    with pytest.raises(NotLoggedIn):
        plan(root, [other], sent, caller=lab)
    same = {"node": {"kind": "job", "name": "x"}}
    assert plan(root, [other], same, caller=lab).updates == []


@pytest.mark.parametrize(
    ("sent", "place"),
    [
        (tree("a", tree("b", data={"platform": 5})), ["data", "platform"]),
        (tree("a", tree("b", parent="0" * 24)), ["parent"]),
        (tree("a", tree("b", idempotency_key="k")), ["idempotency_key"]),
        (
            tree(
                "a",
                tree("b", kind="regression", data={"fail_node": "", "pass_node": ""}),
            ),
            ["kind"],
        ),
    ],
)
def test_an_error_in_a_tree_names_its_location(
    sent: dict[str, Any], place: list[str]
) -> None:
    with pytest.raises(Invalid) as refused:
        plan(job(), [], sent)
    where = ["body", "child_nodes", 0, "child_nodes", 0, "node"]
    assert refused.value.detail[0]["loc"] == [*where, *place]


def test_a_tree_has_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    sent = tree("deepest")
    for level in range(trees.MAX_LEVELS):
        sent = tree(f"level-{level}", sent)
    with pytest.raises(Invalid, match="levels"):
        plan(job(), [], sent)
    monkeypatch.setattr(trees, "MAX_NODES", 2)
    with pytest.raises(TooLarge, match="2 nodes"):
        plan(job(), [], *(tree(str(n)) for n in range(3)))

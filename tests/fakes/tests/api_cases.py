# SPDX-License-Identifier: LGPL-2.1-or-later
"""Behaviour that the API and its fake share: one function for each case.

Each gets an API on which it may create and import anything. Cases use names of their
own, since they may share one API.
"""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest

from kci_fakes.api import FakeApi
from kci_shared.client import ApiClient
from kci_shared.errors import BadRequest, Conflict, Invalid, NotFound
from kci_shared.models import (
    ClaimedNode,
    ClaimRequest,
    Fate,
    ImportedNode,
    Kind,
    Move,
    NewNode,
    Node,
    Outcome,
    Report,
    Result,
    ResultTree,
    RuntimeReport,
    State,
    Status,
)

Api = ApiClient | FakeApi
Case = Callable[[Api], Awaitable[None]]
REVISION = {
    "tree": "demo",
    "url": "https://git.example.org/demo.git",
    "branch": "master",
    "commit": "c0ffee",
}
SCOPES = ["nodes:import", "nodes:write"]
"""Of the token with which the cases are run."""
WHEN = datetime(2026, 1, 1, tzinfo=UTC)
UNKNOWN_ID = "f" * 24


async def a_checkout(api: Api, name: str, **fields: object) -> Node:
    new = {"kind": "checkout", "name": name, "data": {"kernel_revision": REVISION}}
    return await api.create(NewNode.model_validate({**new, **fields}))


async def a_job(api: Api, name: str, **data: object) -> Node:
    root = await a_checkout(api, f"{name}-checkout")
    new = {
        "kind": "job",
        "name": name,
        "parent": root.id,
        "data": {"runtime": name, "platform": "board", **data},
    }
    return await api.create(NewNode.model_validate(new))


async def claimed(api: Api, name: str, lease: float = 60) -> ClaimedNode:
    await a_job(api, name)
    [one] = await api.claim(request(name, lease=lease))
    return one


def request(runtime: str, **fields: float) -> ClaimRequest:
    return ClaimRequest.model_validate(
        {"runtime": runtime, "platforms": ["board"], **fields}
    )


def passed(token: int, *tests: ResultTree) -> Report:
    outcome = Outcome(result=Result.PASS)
    return Report(token=token, outcome=outcome, child_nodes=list(tests))


def a_test(name: str, *below: ResultTree) -> ResultTree:
    node = NewNode(kind=Kind.TEST, name=name, state=State.DONE, result=Result.PASS)
    return ResultTree(node=node, child_nodes=list(below))


async def a_root_names_its_own_tree(api: Api) -> None:
    root = await a_checkout(api, "root")
    assert (root.treeid, root.path, root.version) == (root.id, ["root"], 1)
    assert root.state is State.RUNNING
    assert root.timeout is not None
    assert await api.get(root.id) == root


async def a_child_inherits_path_tree_and_revision(api: Api) -> None:
    job = await a_job(api, "child")
    assert job.path == ["child-checkout", "child"]
    assert job.treeid == job.parent
    assert job.data.kernel_revision is not None
    assert job.data.kernel_revision.commit == REVISION["commit"]


async def a_parent_must_exist(api: Api) -> None:
    with pytest.raises(NotFound):
        await api.create(NewNode(kind=Kind.JOB, name="orphan", parent=UNKNOWN_ID))


async def what_does_not_exist_is_none(api: Api) -> None:
    assert await api.get(UNKNOWN_ID) is None


async def a_key_makes_a_node_once_only(api: Api) -> None:
    first = await a_checkout(api, "once", idempotency_key="once")
    assert (await a_checkout(api, "once", idempotency_key="once")).id == first.id
    with pytest.raises(Conflict):
        await a_checkout(api, "other", idempotency_key="once")


async def a_deadline_is_no_part_of_what_a_key_names(api: Api) -> None:
    soon = datetime.now(UTC) + timedelta(hours=1)
    first = await a_checkout(api, "soon", idempotency_key="soon", timeout=soon)
    later = soon + timedelta(hours=1)
    again = await a_checkout(api, "soon", idempotency_key="soon", timeout=later)
    assert again.id == first.id


async def many_nodes_are_created_all_or_none(api: Api) -> None:
    await a_checkout(api, "many", idempotency_key="many-2")
    new = [
        NewNode(kind=Kind.CHECKOUT, name=name, idempotency_key=key)
        for name, key in (("many-1", "many-1"), ("not many", "many-2"))
    ]
    with pytest.raises(Conflict):
        await api.create_many(new)
    assert await api.find(name="many-1") == []


async def maps_are_merged_and_none_removes_a_key(api: Api) -> None:
    root = await a_checkout(api, "maps", debug={"a": 1, "b": 2})
    changed = await api.update(root.id, debug={"b": None, "c": 3})
    assert changed.debug == {"a": 1, "c": 3}
    assert changed.data.kernel_revision == root.data.kernel_revision
    assert changed.version == 2


async def a_change_that_changes_nothing_makes_no_version(api: Api) -> None:
    root = await a_checkout(api, "same", debug={"a": 1})
    assert (await api.update(root.id, debug={"a": 1})).version == 1


async def a_done_node_never_comes_back(api: Api) -> None:
    root = await a_checkout(api, "done")
    await api.update(root.id, state="done")
    with pytest.raises(BadRequest):
        await api.update(root.id, state="running")


async def a_stale_version_changes_nothing(api: Api) -> None:
    root = await a_checkout(api, "stale")
    await api.update(root.id, if_version=1, debug={"a": 1})
    with pytest.raises(Conflict) as refused:
        await api.update(root.id, if_version=1, debug={"a": 2})
    assert refused.value.detail["version"] == 2


async def an_unknown_field_is_refused(api: Api) -> None:
    root = await a_checkout(api, "unknown")
    with pytest.raises(Invalid):
        await api.update(root.id, colour="red")


async def data_are_typed(api: Api) -> None:
    root = await a_checkout(api, "typed")
    with pytest.raises(Invalid):
        await api.update(root.id, data={"error_msg": 5})


async def what_does_not_exist_cannot_be_changed(api: Api) -> None:
    with pytest.raises(NotFound):
        await api.update(UNKNOWN_ID, debug={"a": 1})


async def queries_filter_by_operators(api: Api) -> None:
    made = [await a_checkout(api, f"query-{n}", group="query") for n in range(3)]
    ids = [node.id for node in made]
    after = made[0].created.isoformat()
    pages: list[tuple[dict[str, object], list[str]]] = [
        ({}, ids),
        ({"name": "query-1"}, ids[1:2]),
        ({"name__ne": "query-1"}, [ids[0], ids[2]]),
        ({"name__in": "query-0,query-2"}, [ids[0], ids[2]]),
        ({"name__nin": "query-0,query-2"}, ids[1:2]),
        ({"name__re": "^query-[01]$"}, ids[:2]),
        ({"id__gt": ids[0]}, ids[1:]),
        ({"created__gte": after}, ids),
        ({"created__lt": after}, []),
        ({"result": "null"}, ids),
        ({"path": "query-2"}, ids[2:]),
        ({"data.kernel_revision.commit": "c0ffee"}, ids),
        ({"sort": "-created", "limit": 2}, [ids[2], ids[1]]),
        ({"limit": 1}, ids[:1]),
    ]
    for filters, expected in pages:
        found = await api.find(group="query", **filters)
        assert [node.id for node in found] == expected, filters
    assert await api.count(group="query") == 3


async def a_field_that_no_node_has_cannot_be_asked_for(api: Api) -> None:
    with pytest.raises(Invalid):
        await api.find(colour="red")


async def a_claim_goes_by_priority_and_then_by_age(api: Api) -> None:
    jobs = [await a_job(api, "order", priority=priority) for priority in (1, 5, 5)]
    granted = await api.claim(request("order", max=2))
    assert [one.node.id for one in granted] == [jobs[1].id, jobs[2].id]
    assert [one.claim.attempt for one in granted] == [1, 1]
    assert granted[0].node.claim is not None


async def a_claimed_node_is_not_claimed_again(api: Api) -> None:
    await claimed(api, "held")
    assert await api.claim(request("held")) == []


async def nothing_of_another_runtime_or_platform_is_claimed(api: Api) -> None:
    await a_job(api, "elsewhere", platform="phone")
    assert await api.claim(request("elsewhere")) == []
    assert await api.claim(request("nowhere")) == []


async def a_lease_that_ran_out_frees_the_node_three_times(api: Api) -> None:
    await a_job(api, "lost")
    for attempt in (1, 2, 3):
        [one] = await api.claim(request("lost", lease=0.001, wait=10))
        assert one.claim.attempt == attempt
    assert await api.claim(request("lost", wait=0.1)) == []


async def a_late_holder_is_refused(api: Api) -> None:
    first = await claimed(api, "late", lease=0.001)
    [second] = await api.claim(request("late", wait=10))
    node_id, token = first.node.id, first.claim.token
    for call in (
        api.renew(node_id, token, 60),
        api.note(node_id, token, {"job_id": "1"}),
        api.release(node_id, token, "why"),
        api.report(node_id, passed(token)),
    ):
        with pytest.raises(Conflict):
            await call
    assert second.claim.token != token


async def a_heartbeat_makes_no_version(api: Api) -> None:
    one = await claimed(api, "beat", lease=5)
    grant = await api.renew(one.node.id, one.claim.token, 60)
    assert grant.expires > one.claim.expires
    after = await api.get(one.node.id)
    assert after is not None
    assert after.version == one.node.version


async def a_lab_notes_facts_on_its_node(api: Api) -> None:
    one = await claimed(api, "fact")
    await api.note(one.node.id, one.claim.token, {"job_id": "7"})
    after = await api.get(one.node.id)
    assert after is not None
    assert after.data.model_dump()["job_id"] == "7"


async def a_released_node_is_claimed_anew_as_the_same_attempt(api: Api) -> None:
    one = await claimed(api, "back")
    await api.release(one.node.id, one.claim.token, "drained")
    await api.release(one.node.id, one.claim.token, "drained")
    [again] = await api.claim(request("back"))
    assert again.claim.attempt == 1


async def an_adopted_node_keeps_its_attempt_and_changes_its_token(api: Api) -> None:
    one = await claimed(api, "adopt")
    again = await api.adopt(one.node.id, "adopt", 60, attempt=1)
    assert again.claim.attempt == 1
    assert again.claim.token != one.claim.token
    with pytest.raises(Conflict):
        await api.adopt(one.node.id, "adopt", 60, attempt=2)
    with pytest.raises(Conflict):
        await api.adopt(one.node.id, "other", 60)


async def a_report_ends_a_node_and_stores_its_tests(api: Api) -> None:
    one = await claimed(api, "report")
    report = passed(one.claim.token, a_test("suite", a_test("case")), a_test("last"))
    for _ in range(2):  # sent twice it is stored once
        ended = await api.report(one.node.id, report)
        assert (ended.state, ended.result) == (State.DONE, Result.PASS)
        assert ended.claim is None
    below = await api.find(treeid=one.node.treeid, kind="test")
    paths = ["/".join(node.path[1:]) for node in below]
    assert paths == ["report/suite", "report/suite/case", "report/last"]


async def a_tree_of_results_is_stored_once_below_a_node(api: Api) -> None:
    job = await a_job(api, "lab-tree")
    tests = {"kind": "test", "state": "done", "result": "pass"}
    tree = {
        "node": {"kind": "job", "name": job.name},
        "child_nodes": [
            {
                "node": {**tests, "name": "suite"},
                "child_nodes": [{"node": {**tests, "name": name}} for name in "aa"],
            }
        ],
    }
    first = await api.put_tree(job.id, ResultTree.model_validate(tree))
    assert [node.path[-1] for node in first] == ["lab-tree", "suite", "a", "a"]
    assert first[0].version == job.version + 1
    again = await api.put_tree(job.id, ResultTree.model_validate(tree))
    assert again == first
    assert await api.count(parent=first[1].id) == 2


async def what_somebody_ended_cannot_be_reported(api: Api) -> None:
    one = await claimed(api, "cancel")
    await api.update(one.node.id, state="done", result="incomplete")
    with pytest.raises(Conflict):
        await api.report(one.node.id, passed(one.claim.token))
    with pytest.raises(Conflict):
        await api.renew(one.node.id, one.claim.token, 60)


async def a_regression_has_the_path_of_what_failed(api: Api) -> None:
    failed = await a_job(api, "broken")
    regression = await api.create(a_regression(failed, "broken"))
    assert regression.path == failed.path
    assert regression.result is Result.FAIL
    with pytest.raises(Invalid):
        await api.create(
            NewNode(
                kind=Kind.REGRESSION,
                name="nothing",
                data={"fail_node": UNKNOWN_ID, "pass_node": UNKNOWN_ID},
            )
        )


async def a_regressions_status_moves_along_its_life(api: Api) -> None:
    failed = await a_job(api, "moved")
    regression = await api.create(a_regression(failed, "moved"))
    moved = await api.set_status(regression.id, Move(status=Status.ACKNOWLEDGED))
    assert moved.data.model_dump()["status"] == Status.ACKNOWLEDGED
    again = await api.set_status(regression.id, Move(status=Status.ACKNOWLEDGED))
    assert again.version == moved.version
    with pytest.raises(BadRequest):
        await api.set_status(regression.id, Move(status=Status.WITHDRAWN))
    with pytest.raises(NotFound):
        await api.set_status(failed.id, Move(status=Status.ACKNOWLEDGED))


def a_regression(failed: Node, name: str) -> NewNode:
    data = {"fail_node": failed.id, "pass_node": failed.id}
    return NewNode(kind=Kind.REGRESSION, name=name, data=data)


async def an_import_keeps_ids_and_waits_for_parents(api: Api) -> None:
    root, job = an_import("checkout", "a"), an_import("job", "b", parent="a" * 24)
    [orphan] = await api.import_nodes([job])
    assert (orphan.fate, orphan.needs) == (Fate.ORPHAN, "a" * 24)
    for fate in (Fate.CREATED, Fate.UNCHANGED):
        answers = await api.import_nodes([root, job])
        assert [answer.fate for answer in answers] == [fate, fate]
    [changed] = await api.import_nodes([an_import("checkout", "a", result="fail")])
    assert changed.fate is Fate.CHANGED
    stored = await api.get("b" * 24)
    assert stored is not None
    assert (stored.path, stored.owner) == (["checkout", "job"], "elsewhere")
    assert stored.created == WHEN


async def an_unfinished_node_is_not_imported(api: Api) -> None:
    [answer] = await api.import_nodes([an_import("checkout", "c", state="running")])
    assert answer.fate is Fate.REFUSED


def an_import(kind: str, digit: str, **fields: object) -> ImportedNode:
    node = {"kind": kind, "name": kind, "state": "done", "result": "pass", **fields}
    times = {"created": WHEN, "updated": WHEN}
    return ImportedNode.model_validate(
        {"id": digit * 24, "owner": "elsewhere", "node": node, **times}
    )


async def a_runtime_says_what_it_has(api: Api) -> None:
    report = RuntimeReport(kind="labgrid", platforms={"board": 1})
    await api.register("lab-known", report)


async def a_caller_learns_its_scopes(api: Api) -> None:
    assert (await api.whoami())["scopes"] == SCOPES


CASES: list[Case] = [
    a_root_names_its_own_tree,
    a_child_inherits_path_tree_and_revision,
    a_parent_must_exist,
    what_does_not_exist_is_none,
    a_key_makes_a_node_once_only,
    a_deadline_is_no_part_of_what_a_key_names,
    many_nodes_are_created_all_or_none,
    maps_are_merged_and_none_removes_a_key,
    a_change_that_changes_nothing_makes_no_version,
    a_done_node_never_comes_back,
    a_stale_version_changes_nothing,
    an_unknown_field_is_refused,
    data_are_typed,
    what_does_not_exist_cannot_be_changed,
    queries_filter_by_operators,
    a_field_that_no_node_has_cannot_be_asked_for,
    a_claim_goes_by_priority_and_then_by_age,
    a_claimed_node_is_not_claimed_again,
    nothing_of_another_runtime_or_platform_is_claimed,
    a_lease_that_ran_out_frees_the_node_three_times,
    a_late_holder_is_refused,
    a_heartbeat_makes_no_version,
    a_lab_notes_facts_on_its_node,
    a_released_node_is_claimed_anew_as_the_same_attempt,
    an_adopted_node_keeps_its_attempt_and_changes_its_token,
    a_report_ends_a_node_and_stores_its_tests,
    a_tree_of_results_is_stored_once_below_a_node,
    what_somebody_ended_cannot_be_reported,
    a_regression_has_the_path_of_what_failed,
    a_regressions_status_moves_along_its_life,
    an_import_keeps_ids_and_waits_for_parents,
    an_unfinished_node_is_not_imported,
    a_runtime_says_what_it_has,
    a_caller_learns_its_scopes,
]

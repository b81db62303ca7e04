# SPDX-License-Identifier: LGPL-2.1-or-later
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from beanie import PydanticObjectId
from pydantic import ValidationError

from kci_api.callers.rules import Caller
from kci_api.nodes.changes import MAX_MAP_BYTES, create, patched, replaced, touched
from kci_api.nodes.creation import digest
from kci_api.nodes.plans import Change, with_event
from kci_api.nodes.rules import InvalidTransition
from kci_api.nodes.stored import StoredNode
from kci_shared.errors import Invalid, TooLarge
from kci_shared.models import Claim, NewNode, NodePatch, Result, State

NOW = datetime(2026, 11, 22, tzinfo=UTC)
LATER = NOW + timedelta(seconds=1)
ALICE = Caller("alice")
REVISION = {"tree": "t", "url": "u", "branch": "b", "commit": "c"}


def new(**fields: Any) -> NewNode:
    return NewNode.model_validate({"kind": "job", "name": "boot", **fields})


def a_root(**fields: Any) -> StoredNode:
    data = {"kernel_revision": REVISION}
    body = new(kind="checkout", name="checkout", data=data, **fields)
    return create(body, None, ALICE, NOW)


def a_job(**fields: Any) -> StoredNode:
    return create(new(**fields), a_root(), ALICE, NOW)


def patch(node: StoredNode, **fields: Any) -> StoredNode:
    return patched(node, NodePatch.model_validate(fields), LATER)


def test_a_root_begins_its_own_tree_unless_it_names_one() -> None:
    root = a_root()
    assert (root.treeid, root.path, root.ancestors) == (str(root.id), ["checkout"], [])
    assert a_root(treeid="treeid-1").treeid == "treeid-1"


def test_a_child_takes_tree_path_revision_and_runtime_from_above() -> None:
    root = a_root(treeid="treeid-1")
    job = create(new(data={"runtime": "lab"}), root, ALICE, NOW)
    test = create(new(kind="test", name="uname", treeid="x"), job, ALICE, NOW)
    assert test.path == ["checkout", "boot", "uname"]
    assert (test.treeid, test.runtime) == ("treeid-1", "lab")
    assert test.ancestors == [root.id, job.id]
    assert test.data["kernel_revision"] == REVISION
    own = {**REVISION, "commit": "d"}
    other = create(new(data={"kernel_revision": own}), root, ALICE, NOW)
    assert other.data["kernel_revision"] == own


def test_a_new_node_times_out_after_six_hours_by_default() -> None:
    assert a_job().timeout == NOW + timedelta(hours=6)
    assert a_job(timeout="2030-01-01T00:00:00").timeout == datetime(
        2030, 1, 1, tzinfo=UTC
    )
    assert a_job(holdoff="2030-01-01T02:00:00.1239+02:00").holdoff == datetime(
        2030, 1, 1, 0, 0, 0, 123000, UTC
    )


def test_user_groups_are_unique_and_a_regression_fails() -> None:
    assert a_job(user_groups=["a", "b", "a"]).user_groups == ["a", "b"]
    data = {"fail_node": "1", "pass_node": "2"}
    body = new(kind="regression", data=data)
    assert create(body, None, ALICE, NOW).result is Result.FAIL


def test_data_is_kept_as_sent_with_known_fields_typed() -> None:
    data: dict[str, Any] = {"platform": "qemu", "mine": {"x": None}, "device": None}
    data["fragments"] = None
    version = {"version": 5, "patchlevel": "16"}
    data["kernel_revision"] = {**REVISION, "version": version}
    job = a_job(kind="kbuild", data=data)
    typed = {**REVISION, "version": {"version": 5, "patchlevel": 16}}
    assert job.data == {**data, "kernel_revision": typed}


def test_a_runtime_that_is_not_text_is_ignored() -> None:
    root = a_root()
    odd = patched(root, NodePatch(data={"runtime": {"x": 1}}), LATER)
    assert odd.runtime is None


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"data": {"platform": 5}}, ["body", "data", "platform"]),
        (
            {"data": {"kernel_revision": {"tree": 1}}},
            ["body", "data", "kernel_revision", "tree"],
        ),
        ({"data": {"$x": 1}}, ["body", "data"]),
        ({"debug": {"x": {"$x": 1}}}, ["body", "debug", "x"]),
        ({"artifacts": {"$x": "http://x"}}, ["body", "artifacts"]),
    ],
)
def test_an_invalid_field_is_named(fields: dict[str, Any], place: list[str]) -> None:
    with pytest.raises(Invalid) as refused:
        a_job(**fields)
    assert refused.value.detail[0]["loc"] == place
    with pytest.raises(Invalid) as refused:
        patch(a_job(), **fields)
    assert refused.value.detail[0]["loc"] == place


def test_too_much_data_is_refused() -> None:
    with pytest.raises(TooLarge, match="artifact"):
        a_job(data={"log": "x" * MAX_MAP_BYTES})


def test_a_patch_merges_and_a_null_removes() -> None:
    job = a_job(data={"device": "q1", "job_id": "7"}, artifacts={"log": "http://l"})
    after = patch(job, data={"job_id": None, "x": 1}, artifacts={"dtb": "http://d"})
    assert after.data == {"device": "q1", "x": 1, "kernel_revision": REVISION}
    assert after.artifacts == {"log": "http://l", "dtb": "http://d"}
    assert (after.version, after.updated, after.created) == (2, LATER, NOW)


def test_a_child_never_loses_its_revision() -> None:
    assert patch(a_job(), data={"kernel_revision": None}).data == {
        "kernel_revision": REVISION
    }


def test_a_patch_that_changes_nothing_is_no_new_version() -> None:
    job = a_job(data={"device": "q1"})
    assert patch(job) is job
    assert patch(job, state="running", data={"device": "q1", "job_id": None}) is job
    same = {"timeout": (NOW + timedelta(hours=6)).isoformat()}
    assert patch(job, **same) is job


def test_a_result_can_be_removed_but_not_a_state() -> None:
    job = a_job(result="pass")
    assert patch(job, result=None).result is None
    with pytest.raises(Invalid, match="state"):
        patch(job, state=None)
    assert patch(job, jobfilter=["x"], platform_filter=[]).jobfilter == ["x"]
    with pytest.raises(ValidationError, match="platform_filter"):
        patch(job, platform_filter=None)


def test_ending_a_node_ends_its_claim() -> None:
    claim = Claim(holder="lab", expires=NOW, attempt=1)
    job = a_job().model_copy(update={"claim": claim, "fence": 4})
    done = patch(job, state="done")
    assert (done.claim, done.fence) == (None, 5)
    closing = patch(job, state="closing")
    assert (closing.claim, closing.fence) == (claim, 4)
    with pytest.raises(InvalidTransition):
        patch(done, state="running")


def test_a_put_sets_what_it_names_and_keeps_the_rest() -> None:
    job = a_job(data={"device": "q1"}, artifacts={"log": "http://l"})
    body = new(state="done", data={"job_id": "7"}, submitter="x", user_groups=["y"])
    after = replaced(job, body, LATER)
    assert after.data == {"job_id": "7", "kernel_revision": REVISION}
    assert (after.state, after.artifacts) == (State.DONE, job.artifacts)
    assert (after.submitter, after.user_groups) == (None, [])


@pytest.mark.parametrize("field", ["kind", "name", "parent"])
def test_a_put_that_moves_or_renames_is_refused(field: str) -> None:
    moved = {"kind": "test", "name": "other", "parent": "0" * 24}[field]
    with pytest.raises(Invalid, match=field):
        replaced(a_job(), new(**{field: moved}), LATER)


def test_a_change_is_written_as_what_differs_with_its_event() -> None:
    job = a_job()
    done = patch(job, state="done", result="pass")
    change = with_event(job, done)
    update = change.update()
    assert update["$set"] == {
        "state": "done",
        "result": "pass",
        "updated": LATER,
        "version": 2,
        "fence": 1,
    }
    assert update["$push"]["outbox"]["event"]["id"] == f"{job.id}-2"
    assert "$push" not in Change(job, done).update()


def test_a_touched_node_is_new_in_version_and_time_only() -> None:
    job = a_job()
    update = Change(job, touched(job, LATER)).update()
    assert update == {"$set": {"version": 2, "updated": LATER}}


def test_a_digest_depends_on_caller_and_content_but_not_on_timeouts() -> None:
    first = digest(new(idempotency_key="k", data={"a": 1, "b": 2}), ALICE)
    later = {"timeout": "2030-01-01T00:00:00Z", "id": "x", "data": {"b": 2, "a": 1}}
    assert digest(new(idempotency_key="k", **later), ALICE) == first
    half = {"data": {"a": 1, "b": 2, "c": "\ud800"}}
    assert digest(new(idempotency_key="k", **half), ALICE) != first
    assert digest(new(idempotency_key="k"), ALICE) != first
    same = new(idempotency_key="k", data={"a": 1, "b": 2})
    assert digest(same, Caller("bob")) != first


def test_ids_grow_so_that_their_order_is_that_of_creation() -> None:
    ids = [a_job().id for _ in range(5)]
    assert ids == sorted(ids)
    assert isinstance(ids[0], PydanticObjectId)

# SPDX-License-Identifier: LGPL-2.1-or-later
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kci_api.callers.rules import Caller
from kci_api.claims.rules import (
    adopted,
    claimable,
    claimed,
    is_repeated,
    released,
    reported,
    with_data,
)
from kci_api.claims.store import grant
from kci_api.nodes.changes import create
from kci_api.nodes.stored import StoredNode
from kci_shared.errors import Conflict
from kci_shared.models import Adoption, ClaimRequest, NewNode, Release, Report, State

NOW = datetime(2026, 11, 22, tzinfo=UTC)
LAB = Caller("lab-token", scopes=frozenset({"runtime:lab"}))
PASSED = {"outcome": {"result": "pass"}}
REVISION = {"tree": "t", "url": "u", "branch": "b", "commit": "c"}


def job(**data: Any) -> StoredNode:
    body = {"kind": "job", "name": "boot", "data": {"runtime": "lab", **data}}
    return create(NewNode.model_validate(body), None, Caller("alice"), NOW)


def held(**data: Any) -> StoredNode:
    return claimed(job(**data), LAB, 60, NOW).after


def report(token: int, **fields: Any) -> Report:
    return Report.model_validate({"token": token, **PASSED, **fields})


def test_a_claim_lasts_no_longer_than_the_node_allows() -> None:
    claim = held(run_timeout=90).claim
    assert claim is not None
    assert claim.deadline == NOW + timedelta(seconds=90)
    unlimited = held().claim
    assert unlimited is not None
    assert unlimited.deadline is None


def test_only_nodes_of_runtime_and_platform_can_be_claimed() -> None:
    request = ClaimRequest(runtime="lab", platforms=["qemu"])
    query = claimable(request, NOW)
    assert query["data.runtime"] == "lab"
    assert query["data.platform"] == {"$in": ["qemu"]}
    assert query["state"] == "running"
    assert query["attempts"] == {"$lt": 3}
    assert query["claim.expires"] == {"$not": {"$gte": NOW}}


def test_a_claim_sets_holder_expiry_attempt_and_a_token_that_grows() -> None:
    first = claimed(job(), LAB, 60, NOW)
    node = first.after
    assert node.claim is not None
    assert (node.claim.holder, node.claim.attempt) == ("lab-token", 1)
    assert node.claim.expires == NOW + timedelta(seconds=60)
    assert (node.fence, node.attempts, node.version) == (1, 1, 2)
    assert node.state is State.RUNNING
    second = claimed(node, LAB, 0.5, NOW + timedelta(minutes=2)).after
    assert (second.fence, second.attempts) == (2, 2)
    assert grant(second).model_dump() == {
        "token": 2,
        "expires": NOW + timedelta(minutes=2, milliseconds=500),
        "attempt": 2,
    }


def test_a_claim_is_published_and_fails_if_the_lease_was_renewed_meanwhile() -> None:
    change = claimed(job(), LAB, 60, NOW)
    assert change.entry is not None
    assert change.guard == {"claim.expires": {"$not": {"$gte": NOW}}}


def test_an_adoption_keeps_the_attempt_and_voids_the_token() -> None:
    node = held()
    after = adopted(node, LAB, Adoption(runtime="lab", lease=90), NOW).after
    assert (after.fence, after.attempts) == (2, 1)
    assert after.claim is not None
    assert after.claim.expires == NOW + timedelta(seconds=90)


def test_a_later_attempt_is_not_adopted() -> None:
    node = held()
    assert adopted(node, LAB, Adoption(runtime="lab", attempt=1), NOW)
    with pytest.raises(Conflict, match="claimed again"):
        adopted(node, LAB, Adoption(runtime="lab", attempt=0), NOW)


def test_only_the_same_holder_and_runtime_can_adopt() -> None:
    query = Adoption(runtime="lab")
    for node, caller, request in (
        (job(), LAB, query),
        (held(), Caller("other"), query),
        (held(), LAB, Adoption(runtime="other")),
    ):
        with pytest.raises(Conflict):
            adopted(node, caller, request, NOW)


def test_a_release_does_not_count_the_attempt_and_can_be_repeated() -> None:
    node = held()
    query = Release(token=1, reason="drain")
    after = released(node, query, NOW)
    assert (after.claim, after.attempts, after.fence) == (None, 0, 1)
    assert after.debug["released"]["reason"] == "drain"
    assert released(after, query, NOW) is after
    for late in (held(), job()):
        with pytest.raises(Conflict, match="lost"):
            released(late, Release(token=7, reason="x"), NOW)


def test_only_the_holder_adds_data() -> None:
    node = held()
    after = with_data(node, 1, {"job_id": "17"}, NOW)
    assert after.data["job_id"] == "17"
    assert with_data(after, 1, {"job_id": "17"}, NOW) is after
    for token, of in ((2, node), (0, job())):
        with pytest.raises(Conflict, match="lost"):
            with_data(of, token, {"job_id": "18"}, NOW)


def test_a_report_ends_the_node_with_its_error() -> None:
    node = held(error_code="Infrastructure", error_msg="old")
    after = reported(node, report(1, artifacts={"log": "http://s/log"}), NOW)
    assert (after.state, after.result, after.claim) == ("done", "pass", None)
    assert after.artifacts == {"log": "http://s/log"}
    assert "error_code" not in after.data
    assert "error_msg" not in after.data


def test_a_repeated_report_changes_nothing_and_a_late_one_is_refused() -> None:
    after = reported(held(), report(1), NOW)
    assert is_repeated(after, report(1))
    assert reported(after, report(1), NOW) is after
    for node in (after, held(), job()):
        with pytest.raises(Conflict, match="lost"):
            reported(node, report(2), NOW)


def test_a_released_claim_cannot_report() -> None:
    after = released(held(), Release(token=1, reason="drain"), NOW)
    with pytest.raises(Conflict, match="lost"):
        reported(after, report(1), NOW)


def test_a_report_makes_a_checkout_available_and_ends_its_claim() -> None:
    sent = report(1, data={"kernel_revision": REVISION})
    sent.outcome.state = State.AVAILABLE
    after = reported(held(), sent, NOW)
    assert (after.state, after.result, after.claim) == ("available", "pass", None)
    assert after.data["kernel_revision"] == REVISION
    assert reported(after, sent, NOW) is after
    with pytest.raises(Conflict, match="lost"):
        reported(after, report(2), NOW)

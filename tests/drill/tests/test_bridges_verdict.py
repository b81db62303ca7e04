# SPDX-License-Identifier: LGPL-2.1-or-later
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from drill.bridges.verdict import Outcome, faults

Spoil = Callable[[Outcome], Outcome]
JOBS = ["a", "b"]


def told(job: str, state: str, before: str | None) -> dict[str, Any]:
    return {"event": {"data": {"id": job, "state": state, "previous_state": before}}}


@pytest.fixture
def good() -> Outcome:
    """Two jobs that ran once, the second in its second attempt."""
    jobs = [
        {
            "_id": job,
            "kind": "job",
            "state": "done",
            "result": "pass",
            "attempts": attempts,
            "data": {},
        }
        for job, attempts in zip(JOBS, (1, 2), strict=True)
    ]
    tests = [
        {"_id": f"{job}1", "kind": "test", "parent": job, "path": ["smoke", "uname"]}
        for job in JOBS
    ]
    changes = [("running", None), ("done", "running"), ("done", "done")]
    history = [told(job, *change) for job in JOBS for change in changes]
    return Outcome(JOBS, [*jobs, *tests], history, Counter(JOBS), [], runs_anew=True)


def change(outcome: Outcome, node_id: str, **facts: Any) -> Outcome:
    """Change fields of one node."""
    nodes = [n | facts if n["_id"] == node_id else n for n in outcome.nodes]
    return replace(outcome, nodes=nodes)


def without(outcome: Outcome, node_id: str) -> Outcome:
    return replace(outcome, nodes=[n for n in outcome.nodes if n["_id"] != node_id])


def test_what_ran_once_and_has_one_result_is_no_fault(good: Outcome) -> None:
    assert list(faults(good)) == []


def test_a_job_whose_bridge_died_in_each_attempt_has_a_result_too(
    good: Outcome,
) -> None:
    lost = change(good, "b", result="incomplete", attempts=3)
    lost = replace(without(lost, "b1"), runs=Counter(["a"]))
    assert lost.lost == {"b"}
    assert list(faults(lost)) == []


def test_an_attempt_may_run_anew_where_the_lab_dies_with_its_bridge(
    good: Outcome,
) -> None:
    twice = replace(good, runs=Counter(["a", "b", "b"]))
    assert list(faults(twice)) == []
    assert list(faults(replace(twice, runs_anew=False))) == ["1 started too often: b"]


@pytest.mark.parametrize(
    ("spoil", "fault"),
    [
        (lambda o: without(without(o, "b"), "b1"), "jobs that are lost: b"),
        (lambda o: replace(o, job_ids=["a"]), "unknown jobs: b"),
        (lambda o: change(o, "b", state="running"), "not done: b"),
        (lambda o: change(o, "b", result="fail"), "without a pass: b (fail: None)"),
        (lambda o: change(o, "b", claim={"token": 1}), "still claimed: b"),
        (lambda o: replace(o, history=o.history * 2), "not ended once: a (2 times)"),
        (lambda o: replace(o, history=[]), "not ended once: a (0 times)"),
        (lambda o: replace(o, runs=Counter(["a"])), "never started: b"),
        (lambda o: replace(o, runs=Counter("aab")), "started too often: a"),
        (lambda o: replace(o, runs=Counter("abc")), "started, but unknown: c"),
        (lambda o: replace(o, nodes=[*o.nodes, o.nodes[-1]]), "duplicate tests"),
        (lambda o: without(o, "b1"), "jobs without their test: b"),
        (lambda o: replace(o, leftovers=["place 1"]), "left in the lab: place 1"),
    ],
)
def test_each_fault_is_found(good: Outcome, spoil: Spoil, fault: str) -> None:
    assert any(fault in one for one in faults(spoil(good)))

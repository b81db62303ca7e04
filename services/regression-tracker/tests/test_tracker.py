# SPDX-License-Identifier: LGPL-2.1-or-later
import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from regression_tracker_fakes import World, an_event

from kci_regression_tracker.tracker import RegressionTracker
from kci_shared.errors import NotYet
from kci_shared.models import NODE, Node, Result, Revision, Status

Fields = dict[str, Any]
CASE = ["checkout", "boot", "case"]
Tell = Callable[..., Awaitable[None]]


@pytest.fixture
def tell(world: World) -> Tell:
    """Deliver the events of nodes, in this order."""
    tracker = RegressionTracker(world.api)

    async def deliver(*nodes: Node, **change: Any) -> None:
        for node in nodes:
            await tracker.on_event(an_event(node, **change))

    return deliver


def statuses(world: World) -> list[tuple[Status, Result | None]]:
    return [(node.data.status, node.result) for node in world.api.regressions]


def commit(revision: Revision | None) -> str:
    assert revision is not None
    return revision.commit


def changed(world: World, node: Node, **fields: Any) -> Node:
    """Write a node anew, as people and the log parser may."""
    written = NODE.validate_python({**node.model_dump(), **fields})
    world.api.put(written)
    return written


async def test_what_passed_and_fails_now_is_a_regression(
    world: World, tell: Tell
) -> None:
    good, bad = world.checkout("good"), world.checkout("bad")
    passed, failed = world.run(good), world.run(bad, "fail", data={"device": "qemu-01"})
    await tell(passed, failed)
    [node] = world.api.regressions
    assert (node.data.pass_node, node.data.fail_node) == (passed.id, failed.id)
    assert (node.name, node.result, node.parent) == ("boot", "fail", None)
    assert (node.treeid, node.data.failed_in) == (bad.treeid, [bad.treeid])
    assert commit(node.data.passed_kernel_revision) == "good"
    assert commit(node.data.failed_kernel_revision) == "bad"
    assert commit(node.data.kernel_revision) == "bad"
    assert (node.data.platform, node.data.device) == ("qemu", "qemu-01")
    assert (node.data.status, node.data.issue) == ("new", "some-oops")


async def test_later_failures_are_of_the_same_break_and_a_pass_ends_it(
    world: World, tell: Tell
) -> None:
    runs = [world.run(world.checkout("0"))]
    runs += [world.run(world.checkout(str(n)), "fail") for n in (1, 2, 3)]
    await tell(*runs)
    end = world.checkout("4")
    runs.append(world.run(end))
    await tell(runs[-1])
    [node] = world.api.regressions
    assert node.data.node_sequence == [runs[2].id, runs[3].id]
    assert node.data.failed_in == [run.treeid for run in runs[1:4]]
    assert (node.data.fixed_node, node.data.fixed_in) == (runs[4].id, end.treeid)
    assert (node.result, node.data.status) == ("pass", "fixed")
    [entry] = node.data.history
    assert (entry.who, entry.old, entry.new) == ("regression-tracker", "new", "fixed")
    assert entry.reason == "passes in 4"


async def test_what_breaks_again_is_another_regression(
    world: World, tell: Tell
) -> None:
    for number, result in enumerate(["pass", "fail", "pass", "fail"]):
        await tell(world.run(world.checkout(str(number)), result))
    assert statuses(world) == [("fixed", "pass"), ("new", "fail")]
    keys = [str(node.idempotency_key) for node in world.api.regressions]
    assert [key[-2:] for key in keys] == ["/1", "/2"]


async def test_the_same_events_again_write_nothing(world: World, tell: Tell) -> None:
    runs = [
        world.run(world.checkout(str(n)), result)
        for n, result in enumerate(["pass", "fail", "fail", "pass", "fail"])
    ]
    await tell(*runs)
    writes = world.api.writes
    await tell(*runs, *reversed(runs))
    assert world.api.writes == writes


async def test_what_people_said_stays_while_it_fails(world: World, tell: Tell) -> None:
    await tell(world.run(world.checkout("0")), world.run(world.checkout("1"), "fail"))
    [node] = world.api.regressions
    await world.api.update(node.id, if_version=1, data={"status": "acknowledged"})
    await tell(world.run(world.checkout("2"), "fail"))
    assert statuses(world) == [("acknowledged", "fail")]
    await tell(world.run(world.checkout("3")))
    assert statuses(world) == [("fixed", "pass")]


async def test_what_people_closed_stays_closed(world: World, tell: Tell) -> None:
    await tell(world.run(world.checkout("0")), world.run(world.checkout("1"), "fail"))
    [node] = world.api.regressions
    await world.api.update(node.id, if_version=1, data={"status": "closed"})
    await tell(world.run(world.checkout("2"), "fail"))
    await tell(world.run(world.checkout("3")))
    assert statuses(world) == [("closed", "pass")]


async def test_a_pass_that_turns_out_to_be_none_opens_it_again(
    world: World, tell: Tell
) -> None:
    await tell(world.run(world.checkout("0")), world.run(world.checkout("1"), "fail"))
    [node] = world.api.regressions
    await world.api.update(node.id, if_version=1, data={"status": "acknowledged"})
    end = world.checkout("2")
    await tell(world.run(end))
    assert statuses(world) == [("fixed", "pass")]
    await tell(world.run(end, "fail"), world.run(end, "fail"))
    assert statuses(world) == [("acknowledged", "fail")]


async def test_a_break_that_later_results_deny_is_withdrawn_and_may_come_back(
    world: World, tell: Tell
) -> None:
    good, bad = world.checkout("good"), world.checkout("bad")
    await tell(world.run(good), world.run(bad, "fail"))
    await tell(world.run(bad))
    assert statuses(world) == [("withdrawn", "incomplete")]
    await tell(world.run(bad, "fail"))
    assert statuses(world) == [("new", "fail")]


async def test_a_late_pass_between_makes_two_breaks_of_one(
    world: World, tell: Tell
) -> None:
    checkouts = [world.checkout(str(n)) for n in range(4)]
    runs = [world.run(checkouts[n], r) for n, r in ((0, "pass"), (1, "fail"))]
    runs.append(world.run(checkouts[3], "fail"))
    await tell(*runs)
    late = world.run(checkouts[2])
    await tell(late)
    assert statuses(world) == [("fixed", "pass"), ("new", "fail")]
    assert world.api.pairs == [(runs[0].id, runs[1].id), (late.id, runs[2].id)]


async def test_a_failure_that_nothing_explains_has_to_happen_twice(
    world: World, tell: Tell
) -> None:
    await tell(world.run(world.checkout("0")))
    first = world.run(world.checkout("1"), "fail", signature=None)
    await tell(first)
    assert world.api.regressions == []
    await tell(world.run(world.checkout("2"), "fail", signature=None))
    [node] = world.api.regressions
    assert node.data.fail_node == first.id


async def test_a_build_does_not_fail_by_chance(world: World, tell: Tell) -> None:
    build = {"kind": "kbuild", "name": "build", "signature": None}
    passed = world.run(world.checkout("0"), **build)
    await tell(passed, world.run(world.checkout("1"), "fail", **build))
    assert statuses(world) == [("new", "fail")]


async def test_one_fault_on_two_boards_is_one_issue(world: World, tell: Tell) -> None:
    good, bad = world.checkout("good"), world.checkout("bad")
    for platform in ("qemu", "rpi4"):
        board: Fields = {"data": {"platform": platform}}
        await tell(world.run(good, **board), world.run(bad, "fail", **board))
    issues = [node.data.issue for node in world.api.regressions]
    assert issues == ["some-oops", "some-oops"]


async def test_without_a_fault_an_issue_is_a_test_that_one_commit_broke(
    world: World, tell: Tell
) -> None:
    good, bad, worse = (world.checkout(commit) for commit in ("good", "bad", "worse"))
    for platform, since in (("qemu", bad), ("rpi4", bad), ("imx8", worse)):
        board: Fields = {"data": {"platform": platform}, "signature": None}
        runs = [world.run(good, **board)]
        runs += [world.run(since, "fail", **board) for _ in range(2)]
        await tell(*runs)
    first, second, third = (node.data.issue for node in world.api.regressions)
    assert first == second != third


async def test_it_tells_how_the_last_tag_was(world: World, tell: Tell) -> None:
    revision = {"tree": "mainline", "branch": "master", "url": "u"}
    tag = world.checkout("a", data={"kernel_revision": {**revision, "commit": "a"}})
    named = {**revision, "commit": "a", "describe": "v6.16-rc1"}
    on_tag = world.run(tag, data={"kernel_revision": named})
    after = {**revision, "commit": "b", "describe": "v6.16-rc1-9-g7f9acae9c436"}
    await tell(world.run(world.checkout("b"), data={"kernel_revision": after}))
    await tell(world.run(world.checkout("c"), "fail"), on_tag)
    [node] = world.api.regressions
    assert (node.data.tag_node, node.data.tag_result) == (on_tag.id, "pass")
    on_tag_revision = node.data.tag_kernel_revision
    assert on_tag_revision is not None
    assert on_tag_revision.describe == "v6.16-rc1"


@pytest.mark.parametrize(
    "other",
    [
        {"name": "smoke"},
        {"kind": "kbuild"},
        {"data": {"platform": "rpi4"}},
        {"data": {"arch": "arm64"}},
        {"data": {"compiler": "clang-19"}},
        {"data": {"defconfig": "tinyconfig"}},
        {"data": {"config_full": "defconfig+kasan"}},
        {"path": ["checkout", "other", "boot"]},
    ],
)
async def test_only_the_same_run_compares(
    world: World, tell: Tell, other: dict[str, Any]
) -> None:
    world.run(world.checkout("good"), **other)
    await tell(world.run(world.checkout("bad"), "fail"))
    assert world.api.regressions == []


@pytest.mark.parametrize("where", [{"branch": "next"}, {"patchset": "p" * 64}])
async def test_another_branch_or_a_patch_does_not_compare(
    world: World, tell: Tell, where: dict[str, str]
) -> None:
    revision = {"tree": "mainline", "branch": "master", "url": "u", "commit": "good"}
    revision |= where
    elsewhere = world.checkout("good", data={"kernel_revision": revision})
    world.run(elsewhere, data={"kernel_revision": revision})
    await tell(world.run(world.checkout("bad"), "fail"))
    assert world.api.regressions == []


async def test_an_old_revision_that_is_tested_again_stays_an_old_one(
    world: World, tell: Tell
) -> None:
    good, bad, worse = (world.checkout(commit) for commit in ("good", "bad", "worse"))
    passed = world.run(good)
    failed = world.run(worse, "fail")
    again = world.checkout("good")  # the same commit, checked out once more
    newest = world.run(again)
    await tell(passed, failed, newest)
    early = world.run(bad, "fail")
    await tell(early)
    assert world.api.pairs == [(newest.id, early.id)]
    assert statuses(world) == [("new", "fail")]


async def test_what_fails_because_of_its_parts_leaves_the_news_to_them(
    world: World, tell: Tell
) -> None:
    good, bad = world.checkout("good"), world.checkout("bad")
    suite: Fields = {
        "kind": "test",
        "name": "suite",
        "path": ["checkout", "boot", "suite"],
    }
    case: Fields = {
        "kind": "test",
        "name": "case",
        "path": [*suite["path"], "case"],
    }
    nodes: list[list[Node]] = []
    for checkout, result in ((good, "pass"), (bad, "fail")):
        job = world.run(checkout, result)
        part = world.run(checkout, result, parent=job.id, **suite)
        leaf = world.run(checkout, result, parent=part.id, **case)
        nodes.append([job, part, leaf])
    await tell(*nodes[1])
    assert world.api.pairs == [(nodes[0][2].id, nodes[1][2].id)]


async def test_parts_that_come_late_take_the_news_from_the_whole(
    world: World, tell: Tell
) -> None:
    good, bad = world.checkout("good"), world.checkout("bad")
    case: Fields = {
        "kind": "test",
        "name": "case",
        "path": ["checkout", "boot", "case"],
    }
    passed, failed = world.run(good), world.run(bad, "fail")
    await tell(passed, failed)
    assert world.api.pairs == [(passed.id, failed.id)]
    case_passed = world.run(good, parent=passed.id, **case)
    case_failed = world.run(bad, "fail", parent=failed.id, **case)
    await tell(case_passed, case_failed)
    assert world.api.pairs == [(case_passed.id, case_failed.id)]


@pytest.mark.parametrize("late", ["fail", "pass"])
async def test_a_test_waits_for_the_log_of_its_job(
    world: World, tell: Tell, late: str
) -> None:
    good, bad = world.checkout("good"), world.checkout("bad")
    case: Fields = {
        "kind": "test",
        "name": "case",
        "path": ["checkout", "boot", "case"],
    }
    passed = world.run(good, parent=world.run(good).id, **case)
    log = {"log": "https://storage.example.org/console.log"}
    job = world.run(bad, "fail", artifacts=log, data={"findings": None})
    failed = world.run(bad, "fail", parent=job.id, **case)
    with pytest.raises(NotYet):
        await tell(failed)
    fault = {"kind": "oops", "severity": "fault", "headline": "O", "line": 1}
    found = [{**fault, "signature": "s"}] if late == "fail" else []
    changed(world, job, data={**job.data.model_dump(), "findings": found})
    await tell(passed, failed)
    assert len(world.api.regressions) == (1 if late == "fail" else 0)


async def test_nothing_is_told_of_a_run_that_the_lab_broke(
    world: World, tell: Tell
) -> None:
    good, bad = world.checkout("good"), world.checkout("bad")
    case: Fields = {
        "kind": "test",
        "name": "case",
        "path": ["checkout", "boot", "case"],
    }
    job = world.run(good)
    runs = [job, world.run(good, parent=job.id, **case)]
    for checkout in (bad, world.checkout("worse")):
        lost = world.run(checkout, "incomplete")
        runs += [lost, world.run(checkout, "fail", parent=lost.id, **case)]
    await tell(*runs)
    assert world.api.regressions == []


async def test_a_verdict_that_is_taken_back_takes_its_regression_with_it(
    world: World, tell: Tell
) -> None:
    await tell(world.run(world.checkout("0")))
    failed = world.run(world.checkout("1"), "fail")
    await tell(failed)
    await tell(changed(world, failed, result="incomplete"), previous_result="fail")
    assert statuses(world) == [("withdrawn", "incomplete")]


async def test_a_tree_without_a_checkout_has_no_place_among_the_revisions(
    world: World, tell: Tell
) -> None:
    lost = world.checkout("good")
    passed = world.run(lost)
    failed = world.run(world.checkout("bad"), "fail")
    del world.api.nodes[lost.id]
    await tell(passed, failed)
    assert world.api.regressions == []


async def test_a_node_that_is_gone_is_no_trouble(world: World, tell: Tell) -> None:
    failed = world.run(world.checkout("bad"), "fail")
    world.api.nodes.clear()
    await tell(failed)
    assert world.api.regressions == []


async def test_what_always_passed_costs_one_question(world: World, tell: Tell) -> None:
    for number in range(3):
        await tell(world.run(world.checkout(str(number))))
    assert world.api.count_calls("find") == 3


async def test_a_cause_of_many_failures_is_written_once_by_many_replicas(
    world: World,
) -> None:
    runs = [world.run(world.checkout("0"))]
    runs += [world.run(world.checkout(str(n)), "fail") for n in range(1, 6)]
    replicas = [RegressionTracker(world.api) for _ in range(4)]
    await asyncio.gather(
        *(one.on_event(an_event(run)) for one in replicas for run in runs)
    )
    [node] = world.api.regressions
    assert node.data.node_sequence == [run.id for run in runs[2:]]

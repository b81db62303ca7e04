# SPDX-License-Identifier: LGPL-2.1-or-later
from collections.abc import Callable
from typing import Any

import pytest

from kci_regression_tracker.tracker import RegressionTracker
from kci_shared.models import Event, Node

World = Any
MakeEvent = Callable[[Node], Event]


@pytest.fixture
def tell(world: World, event: MakeEvent) -> Callable[..., Any]:
    """Deliver the events of nodes, in this order."""
    tracker = RegressionTracker(world.api)

    async def deliver(*nodes: Node) -> None:
        for node in nodes:
            await tracker.on_event(event(node))

    return deliver


async def test_what_passed_and_fails_now_is_a_regression(
    world: World, tell: Any
) -> None:
    passed = world.run(world.checkout("good"))
    failed = world.run(world.checkout("bad"), "fail", data={"device": "qemu-01"})
    await tell(passed, failed)
    assert world.api.regressions == [(passed.id, failed.id)]
    [node] = [n for n in world.api.nodes.values() if n.kind == "regression"]
    assert (node.name, node.result, node.parent) == ("boot", "fail", None)
    assert node.idempotency_key == f"regression/{failed.id}"
    assert node.treeid == failed.treeid
    assert node.data.passed_kernel_revision.commit == "good"
    assert node.data.failed_kernel_revision.commit == "bad"
    assert node.data.kernel_revision.commit == "bad"
    assert (node.data.platform, node.data.device) == ("qemu", "qemu-01")


async def test_the_same_events_again_change_nothing(world: World, tell: Any) -> None:
    passed = world.run(world.checkout("good"))
    failed = world.run(world.checkout("bad"), "fail")
    await tell(passed, failed, failed, passed)
    assert world.api.regressions == [(passed.id, failed.id)]


async def test_a_pass_that_comes_late_finds_the_failure(
    world: World, tell: Any
) -> None:
    good, bad = world.checkout("good"), world.checkout("bad")
    failed = world.run(bad, "fail")
    await tell(failed)
    assert world.api.regressions == []
    passed = world.run(good)
    await tell(passed)
    assert world.api.regressions == [(passed.id, failed.id)]


async def test_what_never_failed_costs_one_question(world: World, tell: Any) -> None:
    passed = world.run(world.checkout("good"))
    world.run(world.checkout("good too"))
    await tell(passed)
    assert world.api.queries == 1


async def test_what_was_broken_already_is_no_news(world: World, tell: Any) -> None:
    nodes = [
        world.run(world.checkout("good")),
        world.run(world.checkout("bad"), "fail"),
        world.run(world.checkout("worse"), "fail"),
    ]
    await tell(*nodes)
    assert world.api.regressions == [(nodes[0].id, nodes[1].id)]


async def test_a_commit_is_never_compared_with_itself(world: World, tell: Any) -> None:
    await tell(
        world.run(world.checkout("same")), world.run(world.checkout("same"), "fail")
    )
    assert world.api.regressions == []


@pytest.mark.parametrize(
    "fields",
    [
        {"result": "incomplete", "data": {"error_code": "Infrastructure"}},
        {"result": "skip"},
        {"state": "running", "result": None},
        {"result": "fail", "artifacts": {"log": "http://s/log"}},  # nobody read it yet
    ],
)
async def test_the_search_looks_past_what_says_nothing(
    world: World, tell: Any, fields: dict[str, Any]
) -> None:
    passed = world.run(world.checkout("good"))
    world.run(world.checkout("unknown"), **fields)
    failed = world.run(world.checkout("bad"), "fail")
    await tell(failed)
    assert world.api.regressions == [(passed.id, failed.id)]


@pytest.mark.parametrize(
    "fields",
    [
        {"result": "incomplete", "data": {"error_code": "Infrastructure"}},
        {"result": "skip"},
        {"state": "running", "result": "fail"},
        {"result": "fail", "artifacts": {"log": "http://s/log"}},
        {"result": "fail", "kind": "process"},
    ],
)
async def test_what_says_nothing_is_no_regression(
    world: World, tell: Any, fields: dict[str, Any]
) -> None:
    world.run(world.checkout("good"), kind=fields.get("kind", "job"))
    await tell(world.run(world.checkout("unknown"), **fields))
    assert world.api.regressions == []


@pytest.mark.parametrize(
    "other",
    [
        {"name": "smoke"},
        {"kind": "kbuild"},
        {"data": {"platform": "rpi4"}},
        {"data": {"arch": "arm64"}},
        {"data": {"compiler": "clang-19"}},
        {"data": {"config_full": "defconfig+kasan"}},
    ],
)
async def test_only_the_same_run_compares(
    world: World, tell: Any, other: dict[str, Any]
) -> None:
    world.run(world.checkout("good"), **other)
    await tell(world.run(world.checkout("bad"), "fail"))
    assert world.api.regressions == []


async def test_the_same_name_at_another_path_is_another_run(
    world: World, tell: Any
) -> None:
    world.run(world.checkout("good"), path=["checkout", "other", "boot"])
    await tell(world.run(world.checkout("bad"), "fail"))
    assert world.api.regressions == []


async def test_another_branch_does_not_compare(world: World, tell: Any) -> None:
    revision = {"tree": "mainline", "branch": "next", "url": "u", "commit": "good"}
    elsewhere = world.checkout("good", data={"kernel_revision": revision})
    world.run(elsewhere, data={"kernel_revision": revision})
    await tell(world.run(world.checkout("bad"), "fail"))
    assert world.api.regressions == []


async def test_of_several_attempts_the_last_one_is_the_verdict(
    world: World, tell: Any
) -> None:
    good = world.checkout("good")
    world.run(good, "fail")
    passed = world.run(good, retry_counter=1)
    failed = world.run(world.checkout("bad"), "fail")
    await tell(failed)
    assert world.api.regressions == [(passed.id, failed.id)]


async def test_a_retry_that_fails_again_is_not_told_twice(
    world: World, tell: Any
) -> None:
    passed = world.run(world.checkout("good"))
    bad = world.checkout("bad")
    failed = world.run(bad, "fail")
    again = world.run(bad, "fail", retry_counter=1)
    await tell(failed, again, passed)
    assert world.api.regressions == [(passed.id, failed.id)]


async def test_an_old_revision_that_is_tested_again_stays_an_old_one(
    world: World, tell: Any
) -> None:
    old, good, bad = (world.checkout(commit) for commit in ("old", "good", "bad"))
    world.run(old)
    passed = world.run(good)
    world.run(old, "fail", retry_counter=1)  # later than the pass, of an older revision
    failed = world.run(bad, "fail")
    await tell(failed)
    assert world.api.regressions == [(passed.id, failed.id)]


async def test_a_job_with_tests_that_fail_leaves_the_news_to_them(
    world: World, tell: Any
) -> None:
    good, bad = world.checkout("good"), world.checkout("bad")
    passed, failed = world.run(good), world.run(bad, "fail")
    suite = world.run(bad, kind="test", name="suite", parent=failed.id)
    at = ["checkout", "boot", "suite", "case"]
    case = {"kind": "test", "name": "case", "path": at}
    case_passed = world.run(good, parent=passed.id, **case)
    case_failed = world.run(bad, "fail", parent=suite.id, **case)
    await tell(failed, suite, case_failed)
    assert world.api.regressions == [(case_passed.id, case_failed.id)]


async def test_a_job_that_fails_though_its_tests_pass_is_the_news(
    world: World, tell: Any
) -> None:
    passed, bad = world.run(world.checkout("good")), world.checkout("bad")
    failed = world.run(bad, "fail")
    world.run(bad, kind="test", name="uname", parent=failed.id)
    await tell(failed)
    assert world.api.regressions == [(passed.id, failed.id)]


async def test_a_regression_stays_as_it_was_first_told(world: World, tell: Any) -> None:
    old, good, bad = (world.checkout(commit) for commit in ("old", "good", "bad"))
    first, failed = world.run(old), world.run(bad, "fail")
    await tell(failed)
    await tell(world.run(good))
    assert world.api.regressions == [(first.id, failed.id)]


async def test_a_tree_without_a_checkout_has_no_place_among_the_revisions(
    world: World, tell: Any
) -> None:
    lost = world.checkout("good")
    passed = world.run(lost)
    failed = world.run(world.checkout("bad"), "fail")
    del world.api.nodes[lost.id]
    await tell(passed, failed)
    assert world.api.regressions == []


async def test_a_node_that_is_gone_is_no_trouble(world: World, tell: Any) -> None:
    failed = world.run(world.checkout("bad"), "fail")
    world.api.nodes.clear()
    await tell(failed)


async def test_a_revision_with_patches_of_strangers_is_compared_with_nothing(
    world: World, tell: Any
) -> None:
    def patched(commit: str) -> dict[str, Any]:
        revision = {"tree": "mainline", "branch": "master", "url": "u"}
        return {"kernel_revision": {**revision, "commit": commit, "patchset": "f"}}

    passed = world.run(world.checkout("good"))
    tried = world.run(world.checkout("base"), "fail", data=patched("base"))
    worse = world.run(world.checkout("base2"), data=patched("base2"))
    await tell(passed, tried, worse)
    assert world.api.regressions == []

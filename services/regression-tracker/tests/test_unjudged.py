# SPDX-License-Identifier: LGPL-2.1-or-later
"""The sweep: failures that were not compared with what was there before."""

import pytest
from regression_tracker_fakes import World, an_event

from kci_fakes.api import Call
from kci_fakes.sweeps import Crash, give_up, owed, sweep_once
from kci_regression_tracker.tracker import RegressionTracker
from kci_shared.models import Job, Node

CASE = ["checkout", "boot", "case"]


@pytest.fixture
def tracker(world: World) -> RegressionTracker:
    return RegressionTracker(world.api)


def mark(world: World, node: Node) -> str | None:
    job = world.api.nodes[node.id]
    assert isinstance(job, Job)
    return job.data.regression


async def test_failures_whose_events_were_given_up_are_judged_once_the_cause_is_mended(
    world: World, tracker: RegressionTracker
) -> None:
    def crash(call: Call) -> None:
        raise Crash

    good, bad = world.checkout("good"), world.checkout("bad")
    for checkout, result in ((good, "pass"), (bad, "fail")):
        job = world.run(checkout, result)
        case = {"kind": "test", "name": "case", "path": CASE, "parent": job.id}
        test = world.run(checkout, result, **case)
    world.api.disturb = crash
    await give_up(tracker.on_event, an_event(job))
    await give_up(tracker.on_event, an_event(test))
    world.api.disturb = lambda _: None
    await sweep_once(tracker.unjudged, tracker.on_event)
    assert [node.name for node in world.api.regressions] == ["case"]
    assert await owed(tracker.unjudged) == []


async def test_a_failed_job_is_marked_with_its_regression(
    world: World, tracker: RegressionTracker
) -> None:
    world.run(world.checkout("good"))
    failed = world.run(world.checkout("bad"), "fail")
    await sweep_once(tracker.unjudged, tracker.on_event)
    [regression] = world.api.regressions
    assert mark(world, failed) == regression.id


async def test_what_never_passed_is_judged_once(
    world: World, tracker: RegressionTracker
) -> None:
    failed = world.run(world.checkout("bad"), "fail")
    await tracker.on_event(an_event(failed))
    assert mark(world, failed) == "none"
    assert await owed(tracker.unjudged) == []


async def test_a_failure_of_patches_is_not_swept(
    world: World, tracker: RegressionTracker
) -> None:
    failed = world.run(world.checkout("bad"), "fail")
    assert failed.data.kernel_revision is not None
    failed.data.kernel_revision.patchset = "a" * 64
    assert await owed(tracker.unjudged) == []


async def test_a_failure_whose_log_was_not_read_is_not_swept(
    world: World, tracker: RegressionTracker
) -> None:
    artifacts = {"log": "http://storage/console.log"}
    world.run(world.checkout("bad"), "fail", signature=None, artifacts=artifacts)
    assert await owed(tracker.unjudged) == []

# SPDX-License-Identifier: LGPL-2.1-or-later
"""Nodes whose time is over."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from scheduler_fakes import SchedulerApi

from kci_fakes.api import Call
from kci_scheduler.closing import Closing
from kci_scheduler.overdue import OverdueNodes
from kci_shared.errors import Unavailable

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
LATER = NOW + timedelta(hours=7)


@pytest.fixture
def overdue(api: SchedulerApi) -> OverdueNodes:
    return OverdueNodes(api, Closing(api))


async def test_a_node_past_its_timeout_is_ended(
    overdue: OverdueNodes, api: SchedulerApi
) -> None:
    api.submit({"state": "running", "result": None})
    await overdue.end_all(NOW)
    assert api.one(kind="kbuild").state == "running"
    await overdue.end_all(LATER)
    build = api.one(kind="kbuild")
    assert (build.state, build.result) == ("done", "incomplete")
    assert build.data.error_code == "node_timeout"
    assert build.data.error_msg == "not done by 2026-11-22 18:00:00 UTC"


@pytest.mark.parametrize(
    ("expires", "deadline", "ended"),
    [
        (8 * 3600, None, None),
        (8 * 3600, 8 * 3600, None),
        (8 * 3600, 6 * 3600, "still running at 2026-11-22 18:00:00 UTC"),
        (3600, 8 * 3600, "not done by 2026-11-22 18:00:00 UTC"),
    ],
)
async def test_what_somebody_runs_has_a_deadline_of_its_own(
    overdue: OverdueNodes,
    api: SchedulerApi,
    expires: int,
    deadline: int | None,
    ended: str | None,
) -> None:
    api.submit({"state": "running", "result": None})
    claim = {
        "holder": "lab",
        "attempt": 1,
        "expires": NOW + timedelta(seconds=expires),
        "deadline": deadline and NOW + timedelta(seconds=deadline),
    }
    api.change(api.one(kind="kbuild").id, claim=claim)
    await overdue.end_all(LATER)
    build = api.one(kind="kbuild")
    assert (build.state == "done") == bool(ended)
    assert build.data.error_msg == ended


async def test_sources_do_not_time_out_while_they_are_built(
    overdue: OverdueNodes, api: SchedulerApi
) -> None:
    tarball = {"tarball": "https://storage.example.org/linux.tar.gz"}
    root = api.submit(artifacts=tarball)
    await overdue.end_all(LATER)
    assert api.checkout(root.id).state == "available"


async def test_a_result_outlives_the_timeout(
    overdue: OverdueNodes, api: SchedulerApi
) -> None:
    root = api.submit({})
    await overdue.end_all(LATER)
    assert (api.checkout(root.id).state, api.checkout(root.id).result) == (
        "done",
        "pass",
    )


@pytest.mark.parametrize(
    ("attempt", "expires", "ended"),
    [(3, -1, True), (4, -1, True), (2, -1, False), (3, 60, False)],
)
async def test_a_node_that_was_lost_three_times_is_given_up(
    overdue: OverdueNodes, api: SchedulerApi, attempt: int, expires: int, ended: bool
) -> None:
    api.submit({"state": "running", "result": None})
    until = (NOW + timedelta(seconds=expires)).isoformat()
    claim = {"holder": "lab", "expires": until, "attempt": attempt}
    api.change(api.one(kind="kbuild").id, claim=claim)
    await overdue.end_all(NOW)
    build = api.one(kind="kbuild")
    assert (build.state == "done") == ended
    if ended:
        assert (build.result, build.data.error_code) == ("incomplete", "Infrastructure")
        assert build.data.error_msg == f"lost by its bridge {attempt} times"


async def test_a_node_that_moves_meanwhile_is_left_alone(
    overdue: OverdueNodes, api: SchedulerApi
) -> None:
    api.submit({"state": "running", "result": None})

    def move(call: Call) -> None:
        if call.method == "update":
            api.change(str(call.node_id), state="done", result="pass")

    api.disturb = move
    await overdue.end_all(LATER)
    assert api.one(kind="kbuild").result == "pass"


async def test_a_checkout_closes_when_its_holdoff_is_over(
    overdue: OverdueNodes, api: SchedulerApi
) -> None:
    ended = {"result": "fail", "data": {"planned": True}}
    root = api.submit(ended, holdoff=(NOW + timedelta(minutes=5)).isoformat())
    await overdue.end_all(NOW)
    assert api.checkout(root.id).state == "available"
    api.change(root.id, holdoff="2020-01-01T00:00:00+00:00")
    await overdue.end_all(NOW)
    assert api.checkout(root.id).state == "done"


async def test_a_sweep_that_fails_is_done_again(
    overdue: OverdueNodes, api: SchedulerApi
) -> None:
    stop = asyncio.Event()
    sweeps = 0

    def fail(_: Call) -> None:
        nonlocal sweeps
        sweeps += 1
        if sweeps == 2:
            stop.set()
        raise Unavailable

    api.disturb = fail
    await overdue.run(0.001, stop)
    assert sweeps == 2

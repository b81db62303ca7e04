# SPDX-License-Identifier: LGPL-2.1-or-later
"""The results in a log are stored if nobody reported the tests of its job."""

import pytest
from log_parser_fakes import NODE_ID, World

from kci_shared.errors import Invalid, Unavailable
from kci_shared.models import Kind, NewNode, Result

LOG = b"""\
[    1.0] Linux version 6.1
[    1.5] KTAP version 1
[    1.5] 1..2
[    1.5]     KTAP version 1
[    1.5]     # Subtest: suite
[    1.5]     1..2
[    1.5]     ok 1 a # SKIP no such device
[    1.5]     not ok 2 b
[    1.5] not ok 1 suite
[    2.0] BUG: kernel NULL pointer dereference, address: 0000000000000008
"""
STEPS = {"tests": [{"id": "smoke", "run": "true"}]}


def results(world: World) -> dict[str, Result | None]:
    return {name: node.result for name, node in world.below.items()}


@pytest.mark.parametrize("definition", [None, {"tests": []}])
async def test_results_become_nodes_below_a_job_whose_tests_nobody_reported(
    world: World, definition: dict[str, object] | None
) -> None:
    data = {"platform": "board", "runtime": "foreign", "definition": definition}
    world.put_job(data=data, group="kunit")
    world.store_log(LOG)
    await world.handle_event()
    assert results(world) == {
        "suite": Result.FAIL,
        "suite/a": Result.SKIP,
        "suite/b": Result.FAIL,
    }
    suite = world.below["suite"]
    assert (suite.kind, suite.state, suite.group) == (Kind.TEST, "done", "kunit")
    assert getattr(suite.data, "platform", None) == "board"
    assert getattr(world.node.data, "misc", None) == {"results": {"missing": 1}}


async def test_the_faults_are_noted_after_the_results_and_settle_the_job(
    world: World,
) -> None:
    world.store_log(LOG)
    await world.handle_event()
    calls = [call.method for call in world.api.calls]
    assert calls == ["get", "count", "put_tree", "update"]
    assert world.node.result is Result.FAIL
    assert getattr(world.node.data, "findings", None)


async def test_a_job_whose_tests_its_bridge_reports_gets_none_from_its_log(
    world: World,
) -> None:
    world.put_job(data={"definition": STEPS})
    world.store_log(LOG)
    await world.handle_event()
    assert results(world) == {}
    assert world.api.count_calls("count") == 0


async def test_a_job_below_which_a_lab_put_tests_gets_none_from_its_log(
    world: World,
) -> None:
    world.api.add(NewNode(kind=Kind.TEST, name="theirs", parent=NODE_ID))
    world.store_log(LOG)
    await world.handle_event()
    assert list(results(world)) == ["theirs"]


async def test_a_build_has_no_tests(world: World) -> None:
    world.put_job(kind="kbuild")
    world.store_log(LOG)
    await world.handle_event()
    assert results(world) == {}


async def test_an_api_that_is_away_stores_nothing_and_the_event_comes_again(
    world: World,
) -> None:
    world.store_log(LOG)
    world.refuse_once("put_tree", Unavailable("away"))
    with pytest.raises(Unavailable):
        await world.handle_event()
    assert world.api.writes == 0
    await world.handle_event()
    assert len(results(world)) == 3


async def test_an_event_that_comes_again_in_the_middle_stores_nothing_twice(
    world: World,
) -> None:
    world.store_log(LOG)
    world.refuse_once("update", Unavailable("away"))
    with pytest.raises(Unavailable):
        await world.handle_event()
    before = world.below
    await world.handle_event()
    assert world.below == before
    assert getattr(world.node.data, "findings", None)


async def test_results_that_the_api_refuses_keep_no_fault_back(world: World) -> None:
    world.store_log(LOG)
    world.refuse_once("put_tree", Invalid("a name that it does not take"))
    await world.handle_event()
    assert results(world) == {}
    assert world.node.result is Result.FAIL

# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which rows each event submits."""

import pytest
from kcidb_bridge_fakes import LATER, FakeKcidb, Tree, an_api, event_of

from kci_fakes.api import FakeApi
from kci_kcidb_bridge.bridge import PARENTS_PER_QUERY, KcidbBridge
from kci_kcidb_bridge.row_models import IncidentRow
from kci_shared.errors import NotYet


async def submitted(tree: Tree, *names: str) -> list[list[str]]:
    """Return the submissions for the events of these nodes."""
    kcidb = FakeKcidb()
    bridge = KcidbBridge(an_api(tree), kcidb, "demo")
    for name in names:
        await bridge.on_event(event_of(tree[name]["id"]))
    return kcidb.submissions


def lists(rows: list[str]) -> list[str]:
    return [row.split()[0] for row in rows]


async def test_a_checkout_is_submitted_alone(tree: Tree) -> None:
    tree["checkout"]["state"] = "available"
    assert await submitted(tree, "checkout") == [["checkouts 00"]]


async def test_a_build_comes_after_its_checkout(tree: Tree) -> None:
    assert await submitted(tree, "build") == [["checkouts 00", "builds 01"]]


async def test_a_job_waits_until_its_log_is_parsed(tree: Tree) -> None:
    del tree["boot"]["data"]
    assert await submitted(tree, "boot") == []


async def test_a_job_below_a_job_belongs_to_the_build(smoke: Tree) -> None:
    assert await submitted(smoke, "smoke") == [
        ["checkouts 00", "builds 01", "tests 03", "tests 04", "tests 05", "tests 06"]
    ]


async def test_tests_of_a_job_below_are_not_submitted_with_the_job_above(
    smoke: Tree,
) -> None:
    assert await submitted(smoke, "boot") == [["checkouts 00", "builds 01", "tests 02"]]


async def test_a_panic_is_submitted_with_issue_and_incident(panic: Tree) -> None:
    (rows,) = await submitted(panic, "boot")
    assert lists(rows) == ["checkouts", "builds", "tests", "issues", "incidents"]


async def test_a_test_is_submitted_with_its_job_only(smoke: Tree) -> None:
    assert await submitted(smoke, "uname", "proc-mounted") == []


async def test_a_test_created_after_its_job_ended_is_submitted(smoke: Tree) -> None:
    smoke.add("test", "late", "mounts", created=LATER, updated=LATER)
    (rows,) = await submitted(smoke, "late")
    assert rows[-1] == "tests 07"


async def test_a_test_without_a_job_is_submitted(tree: Tree) -> None:
    tree.add("test", "size", "build")
    assert await submitted(tree, "size") == [["checkouts 00", "builds 01", "tests 03"]]


async def test_a_test_that_still_runs_is_not_submitted(smoke: Tree) -> None:
    smoke["uname"]["state"] = "running"
    (rows,) = await submitted(smoke, "smoke")
    assert "tests 04" not in rows


async def test_many_tests_are_fetched_in_few_queries(smoke: Tree) -> None:
    number = 2 * PARENTS_PER_QUERY
    for index in range(number):
        smoke.add("test", f"suite-{index}", "smoke")
        smoke.add("test", f"case-{index}", f"suite-{index}")
    api, kcidb = an_api(smoke), FakeKcidb()
    await KcidbBridge(api, kcidb, "demo").on_event(event_of(smoke["smoke"]["id"]))
    assert len(kcidb.submissions[0]) == 6 + 2 * number
    assert api.count_calls("find") < 10


@pytest.mark.parametrize("name", ["mail", "orphan", "lost"])
async def test_nodes_without_a_kernel_result_are_not_submitted(
    tree: Tree, name: str
) -> None:
    tree.add("process", "mail", "checkout")
    tree.add("job", "orphan", None)
    tree.add("job", "lost", None)
    tree["lost"]["parent"] = "f" * 24
    assert await submitted(tree, name) == []


async def test_an_event_of_a_deleted_node_is_ignored() -> None:
    kcidb = FakeKcidb()
    await KcidbBridge(FakeApi(), kcidb, "demo").on_event(event_of("f" * 24))
    assert kcidb.submissions == []


def add_regression(tree: Tree, fail_node: str) -> None:
    data = {"fail_node": fail_node, "pass_node": "e" * 24}
    tree.add("regression", "regression", None, data=data)


async def test_a_regression_is_submitted_with_its_failed_run(panic: Tree) -> None:
    add_regression(panic, panic["boot"]["id"])
    (rows,) = await submitted(panic, "regression")
    assert lists(rows) == [
        "checkouts",
        "builds",
        "tests",
        "issues",
        "incidents",
        "issues",
        "incidents",
    ]


async def test_the_first_passing_run_is_submitted_as_free_of_the_issue(
    panic: Tree,
) -> None:
    panic.add("job", "again", "build", state="done", result="pass")
    add_regression(panic, panic["boot"]["id"])
    panic["regression"]["data"]["fixed_node"] = panic["again"]["id"]
    kcidb = FakeKcidb()
    bridge = KcidbBridge(an_api(panic), kcidb, "demo")
    await bridge.on_event(event_of(panic["regression"]["id"]))
    incidents = [
        (row.test_id, row.present)
        for row in kcidb.rows
        if isinstance(row, IncidentRow) and "regression" in (row.misc or {})
    ]
    assert len(kcidb.submissions) == 2
    boot, again = (f"demo:{panic[name]['id']}" for name in ("boot", "again"))
    assert incidents == [(boot, True), (again, False)]


@pytest.mark.parametrize("fixed_node", ["f" * 24, "orphan"])
async def test_a_passing_run_without_a_checkout_is_not_submitted(
    panic: Tree, fixed_node: str
) -> None:
    panic.add("job", "orphan", None)
    add_regression(panic, panic["boot"]["id"])
    fixed = panic.fields.get(fixed_node, {"id": fixed_node})
    panic["regression"]["data"]["fixed_node"] = fixed["id"]
    assert len(await submitted(panic, "regression")) == 1


async def test_a_withdrawn_regression_is_not_submitted(panic: Tree) -> None:
    add_regression(panic, panic["boot"]["id"])
    panic["regression"]["data"]["status"] = "withdrawn"
    assert await submitted(panic, "regression") == []


async def test_a_regression_waits_until_its_failed_run_is_final(tree: Tree) -> None:
    tree["boot"]["state"] = "running"
    add_regression(tree, tree["boot"]["id"])
    with pytest.raises(NotYet):
        await submitted(tree, "regression")


@pytest.mark.parametrize("fail_node", ["f" * 24, "orphan"])
async def test_a_regression_whose_failed_run_has_no_checkout_is_not_submitted(
    tree: Tree, fail_node: str
) -> None:
    tree.add("job", "orphan", None)
    failed = tree.fields.get(fail_node, {"id": fail_node})
    add_regression(tree, failed["id"])
    assert await submitted(tree, "regression") == []

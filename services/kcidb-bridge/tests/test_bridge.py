# SPDX-License-Identifier: LGPL-2.1-or-later
from collections.abc import Sequence
from typing import Any, Protocol

import pytest

from kci_kcidb_bridge.bridge import FAMILIES, KcidbBridge
from kci_kcidb_bridge.rows import IncidentRow, Row
from kci_shared.errors import NotYet
from kci_shared.models import Event, Kind, Node, NodeChange, Op, State

LATER = "2026-11-22T12:45:00.000+00:00"


class Tree(Protocol):
    said: dict[str, dict[str, Any]]

    def __getitem__(self, name: str) -> dict[str, Any]: ...
    def nodes(self) -> list[Node]: ...
    def add(self, kind: str, name: str, parent: str | None, **fields: Any) -> None: ...


class FakeNodes:
    """The API's nodes."""

    def __init__(self, nodes: list[Node]) -> None:
        self.nodes = {node.id: node for node in nodes}
        self.queries = 0

    async def get(self, node_id: str) -> Node | None:
        return self.nodes.get(node_id)

    async def find(self, **filters: Any) -> list[Node]:
        assert set(filters) == {"kind", "parent__in"}
        self.queries += 1
        parents = filters["parent__in"].split(",")
        assert len(parents) <= FAMILIES
        kind = Kind(filters["kind"])
        found = [node for node in self.nodes.values() if node.parent in parents]
        return [node for node in found if node.kind is kind]


class FakeKcidb:
    """Keeps the names of what it is given."""

    def __init__(self) -> None:
        self.given: list[list[str]] = []
        self.rows: list[Row] = []

    async def submit(self, rows: Sequence[Row]) -> None:
        self.rows += rows
        self.given.append([f"{row.LIST} {row.id[-2:]}" for row in rows])


async def submitted(tree: Tree, *names: str) -> list[list[str]]:
    """Return what the events of these nodes bring."""
    kcidb = FakeKcidb()
    bridge = KcidbBridge(FakeNodes(tree.nodes()), kcidb, "demo")
    for name in names:
        await bridge.on_event(event(tree[name]["id"]))
    return kcidb.given


def event(node_id: str) -> Event:
    """Tell of a change, with fields that nobody may trust."""
    change = NodeChange(
        op=Op.UPDATED, id=node_id, kind=Kind.JOB, name="x", state=State.RUNNING
    )
    return Event.model_validate({"id": f"{node_id}-1", "time": LATER, "data": change})


async def test_a_checkout_is_told_alone(tree: Tree) -> None:
    tree["checkout"]["state"] = "available"
    assert await submitted(tree, "checkout") == [["checkouts 00"]]


async def test_a_build_comes_after_its_checkout(tree: Tree) -> None:
    assert await submitted(tree, "build") == [["checkouts 00", "builds 01"]]


async def test_a_job_whose_log_is_not_read_waits(tree: Tree) -> None:
    del tree["boot"]["data"]
    assert await submitted(tree, "boot") == []


async def test_a_job_below_a_job_hangs_on_the_build(smoke: Tree) -> None:
    assert await submitted(smoke, "smoke") == [
        ["checkouts 00", "builds 01", "tests 03", "tests 04", "tests 05", "tests 06"]
    ]


async def test_the_tests_of_a_job_below_are_not_the_jobs_own(smoke: Tree) -> None:
    assert await submitted(smoke, "boot") == [["checkouts 00", "builds 01", "tests 02"]]


async def test_a_panic_brings_issue_and_incident(panic: Tree) -> None:
    (names,) = await submitted(panic, "boot")
    assert [name.split()[0] for name in names] == [
        *("checkouts", "builds", "tests", "issues", "incidents")
    ]


async def test_a_test_comes_with_its_job(smoke: Tree) -> None:
    assert await submitted(smoke, "uname", "proc-mounted") == []


async def test_a_test_that_comes_after_its_job_is_told(smoke: Tree) -> None:
    smoke.add("test", "late", "mounts", created=LATER, updated=LATER)
    (names,) = await submitted(smoke, "late")
    assert names[-1] == "tests 07"


async def test_a_test_without_a_job_is_told(tree: Tree) -> None:
    tree.add("test", "size", "build")
    assert await submitted(tree, "size") == [["checkouts 00", "builds 01", "tests 03"]]


async def test_a_test_that_still_runs_is_not_told(smoke: Tree) -> None:
    smoke["uname"]["state"] = "running"
    (names,) = await submitted(smoke, "smoke")
    assert "tests 04" not in names


async def test_many_tests_are_asked_for_in_few_queries(smoke: Tree) -> None:
    for number in range(250):
        smoke.add("test", f"suite-{number}", "smoke")
        smoke.add("test", f"case-{number}", f"suite-{number}")
    nodes, kcidb = FakeNodes(smoke.nodes()), FakeKcidb()
    await KcidbBridge(nodes, kcidb, "demo").on_event(event(smoke["smoke"]["id"]))
    assert len(kcidb.given[0]) == 6 + 500
    assert nodes.queries < 10


@pytest.mark.parametrize("name", ["mail", "orphan", "gone"])
async def test_what_is_no_result_of_a_kernel_is_not_told(tree: Tree, name: str) -> None:
    tree.add("process", "mail", "checkout")
    tree.add("job", "orphan", None)
    tree.add("job", "gone", None)
    tree["gone"]["parent"] = "f" * 24
    assert await submitted(tree, name) == []


async def test_an_event_of_a_node_that_is_not_there_is_nothing() -> None:
    kcidb = FakeKcidb()
    await KcidbBridge(FakeNodes([]), kcidb, "demo").on_event(event("f" * 24))
    assert kcidb.given == []


def regressed(tree: Tree, fail_node: str) -> None:
    data = {"fail_node": fail_node, "pass_node": "e" * 24}
    tree.add("regression", "regression", None, data=data)


async def test_a_regression_comes_with_what_failed(panic: Tree) -> None:
    regressed(panic, panic["boot"]["id"])
    (names,) = await submitted(panic, "regression")
    assert [name.split()[0] for name in names] == [
        *("checkouts", "builds", "tests"),
        *("issues", "incidents", "issues", "incidents"),
    ]


async def test_what_passed_again_says_that_a_regression_is_over(panic: Tree) -> None:
    panic.add("job", "again", "build", state="done", result="pass")
    regressed(panic, panic["boot"]["id"])
    panic["regression"]["data"]["fixed_node"] = panic["again"]["id"]
    kcidb = FakeKcidb()
    bridge = KcidbBridge(FakeNodes(panic.nodes()), kcidb, "demo")
    await bridge.on_event(event(panic["regression"]["id"]))
    seen = [row for row in kcidb.rows if isinstance(row, IncidentRow)]
    said = [(r.test_id, r.present) for r in seen if "regression" in (r.misc or {})]
    assert len(kcidb.given) == 2
    boot, again = (f"demo:{panic[name]['id']}" for name in ("boot", "again"))
    assert said == [(boot, True), (again, False)]


async def test_a_regression_that_is_withdrawn_is_not_told(panic: Tree) -> None:
    regressed(panic, panic["boot"]["id"])
    panic["regression"]["data"]["status"] = "withdrawn"
    assert await submitted(panic, "regression") == []


async def test_a_regression_of_what_is_not_final_waits(tree: Tree) -> None:
    tree["boot"]["state"] = "running"
    regressed(tree, tree["boot"]["id"])
    with pytest.raises(NotYet):
        await submitted(tree, "regression")


@pytest.mark.parametrize("fail_node", ["f" * 24, "orphan"])
async def test_a_regression_of_nothing_is_not_told(tree: Tree, fail_node: str) -> None:
    tree.add("job", "orphan", None)
    regressed(tree, tree.said.get(fail_node, {"id": fail_node})["id"])
    assert await submitted(tree, "regression") == []

# SPDX-License-Identifier: LGPL-2.1-or-later
"""The sweep: what KCIDB did not get although no event of it is left."""

import json
from collections.abc import AsyncIterator, Sequence

import pytest
from kcidb_bridge_fakes import BUILD, FakeKcidb, Fields, Tree, event_of

from kci_fakes.api import Call, FakeApi
from kci_fakes.sweeps import Crash, give_up, owed, sweep_once
from kci_kcidb_bridge.bridge import KcidbBridge
from kci_kcidb_bridge.row_models import Row
from kci_kcidb_bridge.submit import KcidbRefused
from kci_kcidb_bridge.unsubmitted import unsubmitted
from kci_shared.models import NODE, Node

OLD, RECENT = '"00000000', '"70000000'
"""How ids begin: nodes of the first kind are too old to be swept."""


class World:
    """Recent nodes in the API, and a bridge to KCIDB."""

    def __init__(self, tree: Tree, kcidb: FakeKcidb | None = None) -> None:
        text = json.dumps(tree.fields).replace(OLD, RECENT)
        self.fields: dict[str, Fields] = json.loads(text)
        self.api = FakeApi()
        self.api.put(*map(NODE.validate_python, self.fields.values()))
        self.kcidb = kcidb or FakeKcidb()
        self.bridge = KcidbBridge(self.api, self.kcidb, "demo")

    def sweep(self) -> AsyncIterator[Node]:
        return unsubmitted(self.api)

    async def sweep_once(self) -> None:
        await sweep_once(self.sweep, self.bridge.on_event)

    async def owed(self) -> list[str]:
        """Return the names of the nodes that are owed."""
        return [self.api.nodes[node_id].name for node_id in await owed(self.sweep)]

    def artifact(self, name: str, artifact: str) -> str:
        """Return an artifact of a node."""
        return self.api.nodes[self.fields[name]["id"]].artifacts[artifact]


def add_regression(tree: Tree, **data: object) -> None:
    again = {"data": BUILD, "result": "pass"}
    tree.add("job", "again", "build", **again)
    facts = {"fail_node": tree["boot"]["id"], "pass_node": tree["build"]["id"]}
    fields = {"data": {**BUILD, **facts, **data}, "result": "fail"}
    tree.add("regression", "regression", None, **fields)


async def test_a_job_whose_event_was_given_up_is_submitted_once_the_cause_is_mended(
    tree: Tree,
) -> None:
    def crash(call: Call) -> None:
        raise Crash

    world = World(tree)
    for name in ("checkout", "build"):
        await world.bridge.on_event(event_of(world.fields[name]["id"]))
    world.api.disturb = crash
    await give_up(world.bridge.on_event, event_of(world.fields["boot"]["id"]))
    world.api.disturb = lambda _: None
    assert await world.owed() == ["boot"]
    await world.sweep_once()
    assert world.kcidb.submissions[-1] == ["checkouts 00", "builds 01", "tests 02"]
    assert await world.owed() == []


async def test_a_node_shows_its_submission(tree: Tree) -> None:
    world = World(tree)
    await world.sweep_once()
    assert world.artifact("boot", "kcidb").startswith("http://kcidb/status?id=3#")


async def test_what_was_submitted_is_not_submitted_again_by_another_replica(
    smoke: Tree,
) -> None:
    world = World(smoke)
    await world.sweep_once()
    submissions = len(world.kcidb.submissions)
    for fields in world.fields.values():
        await world.bridge.on_event(event_of(fields["id"]))
    assert len(world.kcidb.submissions) == submissions


async def test_a_node_that_has_changed_since_is_submitted_again(tree: Tree) -> None:
    world = World(tree)
    await world.sweep_once()
    node_id = world.fields["boot"]["id"]
    world.api.change(node_id, data={"error_msg": "news"})
    await world.bridge.on_event(event_of(node_id))
    assert world.artifact("boot", "kcidb").startswith("http://kcidb/status?id=4#")


async def test_a_regression_and_its_fix_are_swept(panic: Tree) -> None:
    add_regression(panic)
    world = World(panic)
    await world.sweep_once()
    assert await world.owed() == []
    regression, again = world.fields["regression"]["id"], world.fields["again"]["id"]
    world.api.change(regression, data={"fixed_node": again, "status": "fixed"})
    assert await world.owed() == ["regression"]
    await world.sweep_once()
    assert await world.owed() == []


@pytest.mark.parametrize(
    "change",
    [
        {"state": "running"},
        {"data": {"kernel_revision": None}},
        {"data": {**BUILD, "findings": None}},
    ],
    ids=["running", "of no revision", "log not read"],
)
async def test_what_is_not_final_or_of_no_revision_is_not_swept(
    tree: Tree, change: Fields
) -> None:
    tree["boot"].update(change)
    assert await World(tree).owed() == ["checkout", "build"]


async def test_rows_that_kcidb_refuses_are_not_submitted_again(tree: Tree) -> None:
    class Strict(FakeKcidb):
        async def submit(self, rows: Sequence[Row]) -> str:
            await super().submit(rows)
            raise KcidbRefused("KCIDB refuses them", "http://kcidb/submit")

    world = World(tree, Strict())
    for name in world.fields:
        with pytest.raises(KcidbRefused):
            await world.bridge.on_event(event_of(world.fields[name]["id"]))
    assert await world.owed() == []

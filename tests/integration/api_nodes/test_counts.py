# SPDX-License-Identifier: LGPL-2.1-or-later
"""Counts by the values of fields: what is counted, what is refused, at what cost."""

from typing import Any

import pytest
from httpx import AsyncClient

from integration.answers import Json
from integration.api_nodes.conftest import World
from kci_api.nodes.counts import BOUNDS, GroupField, parse_bound, pipeline
from kci_api.nodes.documents import NodeDocument

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]


async def counts(who: AsyncClient, **query: str) -> list[tuple[Any, ...]]:
    """Return the values of each group, and its count."""
    groups: list[Json] = await World.good(who.get("/count", params=query))
    return [(*group["fields"].values(), group["count"]) for group in groups]


async def tree(world: World, scheduler: AsyncClient) -> Json:
    """Post a checkout with a running and two done jobs; return it."""
    root = await world.checkout(scheduler)
    await world.job(scheduler, root, platform="qemu")
    for name in ("smoke", "boot"):
        done = {"name": name, "state": "done", "result": "fail"}
        await world.child(scheduler, root, **done, data={"platform": "board"})
    return root


async def test_nodes_of_some_trees_are_counted_by_tree_kind_and_result(
    world: World, scheduler: AsyncClient
) -> None:
    one, two = await tree(world, scheduler), await world.checkout(scheduler)
    await world.checkout(scheduler)  # of no interest
    trees = sorted([one["treeid"], two["treeid"]])
    found = await counts(scheduler, by="treeid,kind,result", treeid__in=",".join(trees))
    assert found == sorted(
        [
            (one["treeid"], "checkout", None, 1),
            (one["treeid"], "job", None, 1),
            (one["treeid"], "job", "fail", 2),
            (two["treeid"], "checkout", None, 1),
        ],
        key=lambda group: [value or "" for value in group[:3]],
    )


async def test_any_listed_field_and_filter_will_do(
    world: World, scheduler: AsyncClient
) -> None:
    root = await tree(world, scheduler)
    by_name = await counts(scheduler, by="name", parent=root["id"])
    assert by_name == [("boot", 2), ("smoke", 1)]
    by_platform = await counts(scheduler, by="data.platform", treeid=root["treeid"])
    assert by_platform == [(None, 1), ("board", 2), ("qemu", 1)]


async def test_groups_are_sent_with_the_names_of_their_fields(
    scheduler: AsyncClient, root: Json
) -> None:
    query = {"by": "kind,data.arch", "treeid": root["treeid"]}
    assert await World.good(scheduler.get("/count", params=query)) == [
        {"fields": {"kind": "checkout", "data.arch": None}, "count": 1}
    ]


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ({"by": "version", "treeid": "t"}, "'version': use treeid, "),
        ({"by": "", "treeid": "t"}, "'': use treeid, "),
        ({"by": "kind,kind", "treeid": "t"}, "names a field twice"),
        ({"by": "kind"}, "exactly one filter: got none"),
        ({"by": "kind", "treeid__in": "t,u", "state": "done"}, "got state, treeid__in"),
        ({"by": "kind", "owner": "alice"}, "got owner; use one of"),
        ({"by": "kind", "treeid__gt": "t"}, "got treeid__gt; use one of"),
    ],
)
async def test_what_no_index_could_count_is_refused(
    scheduler: AsyncClient, query: dict[str, str], reason: str
) -> None:
    answer = await scheduler.get("/count", params=query)
    assert answer.status_code == 422
    [error] = answer.json()["detail"]
    assert error["loc"] == ["query", "by"]
    assert reason in error["msg"]


async def test_a_list_does_not_take_by(scheduler: AsyncClient) -> None:
    assert (await scheduler.get("/nodes", params={"by": "kind"})).status_code == 422


async def test_counting_examines_the_nodes_that_match_and_no_others(
    world: World, scheduler: AsyncClient
) -> None:
    one, two = await tree(world, scheduler), await tree(world, scheduler)
    trees = f"{one['treeid']},{two['treeid']}"
    query = parse_bound([("treeid__in", trees)])
    command = {
        "aggregate": "node",
        "pipeline": pipeline(query, [GroupField.TREEID, GroupField.KIND]),
        "cursor": {},
    }
    plan = await world.stores.database.command(
        "explain", command, verbosity="executionStats"
    )
    cursor = plan["stages"][0]["$cursor"]
    assert cursor["queryPlanner"]["winningPlan"]["inputStage"]["indexName"] == (
        "treeid_1__id_1"
    )
    assert cursor["executionStats"]["totalDocsExamined"] == 8


@pytest.mark.usefixtures("root")
@pytest.mark.parametrize("name", BOUNDS)
@pytest.mark.parametrize("operator", ["", "__in"])
async def test_each_filter_has_an_index(name: str, operator: str) -> None:
    query = parse_bound([(f"{name}{operator}", "65265305c74695807499037f")])
    plan = await NodeDocument.get_pymongo_collection().find(query).explain()
    stages = str(plan["queryPlanner"]["winningPlan"])
    assert f"{name}_1__id_1" in stages
    assert "COLLSCAN" not in stages

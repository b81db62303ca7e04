# SPDX-License-Identifier: LGPL-2.1-or-later
"""Past events by the path of their node, and together with their node."""

from typing import Any

import pytest
from bson import ObjectId
from httpx import AsyncClient

from integration.answers import Json
from integration.api_nodes.conftest import World

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]


async def history(world: World, *nodes: Json, **query: Any) -> list[Json]:
    """Return those past events that are of the nodes, once the relay has moved them."""
    for node in nodes:
        await world.events(node)
    anybody = await world.anybody()
    events: list[Json] = await world.good(anybody.get("/events", params=query))
    return [one for one in events if one["data"]["id"] in {n["id"] for n in nodes}]


async def test_events_are_found_by_a_pattern_of_the_path(
    world: World, scheduler: AsyncClient, root: Json
) -> None:
    build = await world.child(scheduler, root, kind="kbuild", name="build-gcc")
    boot = await world.child(scheduler, build)
    tree = [root, build, boot]
    for pattern, matches in {
        "^build": [build, boot],
        "gcc$": [build, boot],
        "^boot$": [boot],
        "^checkout$": tree,
        "^gcc": [],
    }.items():
        events = await history(world, *tree, path=pattern)
        assert [one["data"]["id"] for one in events] == [one["id"] for one in matches]


async def test_a_pattern_outside_the_subset_is_refused(scheduler: AsyncClient) -> None:
    answer = await scheduler.get("/events", params={"path": "(a|b)*"})
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["query", "path"]


async def test_a_recursive_query_adds_each_node_as_it_is_now(
    world: World, scheduler: AsyncClient, root: Json
) -> None:
    done = {"state": "done", "result": "pass"}
    after = await world.good(scheduler.patch(f"/node/{root['id']}", json=done))
    plain = await history(world, root, node_id=root["id"])
    events = await history(world, root, node_id=root["id"], recursive="true")
    assert [one.pop("node") for one in events] == [after, after]
    assert events == plain
    assert [one["data"]["op"] for one in events] == ["created", "updated"]


async def test_the_node_of_an_event_may_be_gone(
    world: World, scheduler: AsyncClient, root: Json
) -> None:
    await world.events(root)
    await world.nodes.delete_one({"_id": ObjectId(root["id"])})
    query = f"/events?node_id={root['id']}&recursive=true"
    [event] = await world.good(scheduler.get(query))
    assert event["node"] is None


async def test_a_recursive_query_without_a_match_is_empty(
    scheduler: AsyncClient,
) -> None:
    answer = await scheduler.get("/events?id=nowhere-1&recursive=true")
    assert answer.json() == []

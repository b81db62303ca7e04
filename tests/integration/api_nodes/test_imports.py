# SPDX-License-Identifier: LGPL-2.1-or-later
"""Imports of nodes, as the store has them afterwards."""

import asyncio
from typing import Any

import pytest
from bson import ObjectId
from httpx import AsyncClient

from integration.answers import Json
from integration.api_nodes.conftest import World

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]
WHEN = "2019-05-06T07:08:09.123+00:00"


def brought(kind: str = "checkout", **fields: Any) -> Json:
    node = {"kind": kind, "name": kind, "state": "done", **fields}
    times = {"created": WHEN, "updated": WHEN}
    return {"id": str(ObjectId()), "owner": "them", **times, "node": node}


async def test_imported_nodes_keep_their_past_and_have_no_event(world: World) -> None:
    importer = await world.service("kci-import", "nodes:import")
    root = brought(treeid="theirs", idempotency_key=f"theirs/{ObjectId()}")
    build = brought("kbuild", parent=root["id"])
    lost = brought("kbuild", parent=str(ObjectId()))
    first = await world.good(importer.post("/import", json=[root, build, lost]))
    assert [one["fate"] for one in first] == ["created", "created", "orphan"]
    again = await world.good(importer.post("/import", json=[root, build, lost]))
    assert [one["fate"] for one in again] == ["unchanged", "unchanged", "orphan"]
    node = await world.good(importer.get(f"/node/{build['id']}"))
    assert (node["created"], node["owner"], node["treeid"]) == (WHEN, "them", "theirs")

    build["node"]["result"] = "pass"
    answer = await world.good(importer.post("/import", json=[build]))
    assert answer[0]["fate"] == "changed"
    stored = await world.stored(build)
    assert (stored["result"], stored["version"]) == ("pass", 2)
    assert "outbox" not in stored
    assert await world.events(build) == []


async def test_an_imported_node_can_be_changed_like_any_other(
    world: World, scheduler: AsyncClient
) -> None:
    importer = await world.service("kci-import", "nodes:import")
    root = brought()
    await world.good(importer.post("/import", json=[root]))
    patch = {"data": {"seen": True}}
    node = await world.good(scheduler.patch(f"/node/{root['id']}", json=patch))
    assert node["version"] == 2
    assert len(await world.events(root)) == 1
    root["node"]["result"] = "fail"
    (answer,) = await world.good(importer.post("/import", json=[root]))
    assert answer["fate"] == "refused"
    assert "changed here" in answer["reason"]


async def test_racing_imports_of_the_same_nodes_make_each_once(world: World) -> None:
    importer = await world.service("kci-import", "nodes:import")
    nodes = [brought() for _ in range(20)]
    posts = (importer.post("/import", json=nodes) for _ in range(6))
    answers = await asyncio.gather(*(world.good(post) for post in posts))
    fates = [one["fate"] for answer in answers for one in answer]
    assert fates.count("created") == 20
    assert fates.count("unchanged") == 100


async def test_the_scope_to_write_nodes_does_not_allow_imports(
    world: World, scheduler: AsyncClient
) -> None:
    assert (await scheduler.post("/import", json=[])).status_code == 403
    importer = await world.service("kci-import", "nodes:import")
    new = {"kind": "checkout", "name": "checkout"}
    assert (await importer.post("/node", json=new)).status_code == 401

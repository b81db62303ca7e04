# SPDX-License-Identifier: LGPL-2.1-or-later
"""Idempotency keys, and many nodes in one step."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from httpx import AsyncClient
from pymongo.errors import AutoReconnect

from integration.answers import Json
from integration.api_nodes.conftest import World

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]


def job(root: Json, key: str | None = None, **fields: Any) -> Json:
    body = {"kind": "job", "name": "boot", "parent": root["id"], **fields}
    return body if key is None else {**body, "idempotency_key": f"{root['id']}/{key}"}


async def test_a_repeated_key_returns_the_first_node_without_an_event(
    world: World, root: Json, scheduler: AsyncClient
) -> None:
    first = await world.good(scheduler.post("/node", json=job(root, "a")))
    later = await world.good(
        scheduler.post("/node", json=job(root, "a", timeout="2031-01-01T00:00:00Z"))
    )
    assert later == first
    assert len(await world.events(first)) == 1


async def test_a_key_may_come_as_a_header(
    world: World, root: Json, scheduler: AsyncClient
) -> None:
    header = {"Idempotency-Key": f"{root['id']}/h"}
    first = await world.good(scheduler.post("/node", json=job(root), headers=header))
    second = await world.good(scheduler.post("/node", json=job(root, "h")))
    assert first["id"] == second["id"]
    other = await scheduler.post("/node", json=job(root, "x"), headers=header)
    assert other.status_code == 422


async def test_an_empty_key_is_refused_and_named(
    root: Json, scheduler: AsyncClient
) -> None:
    body = job(root) | {"idempotency_key": ""}
    for content, headers in ((body, {}), (job(root), {"Idempotency-Key": ""})):
        refused = await scheduler.post("/node", json=content, headers=headers)
        assert refused.status_code == 422
        assert "idempotency" in refused.text
    assert (await scheduler.post("/nodes", json=[body])).status_code == 422


async def test_a_key_used_with_other_content_is_a_409(
    world: World, root: Json, scheduler: AsyncClient
) -> None:
    await world.good(scheduler.post("/node", json=job(root, "b")))
    other = await scheduler.post("/node", json=job(root, "b", name="smoke"))
    assert other.status_code == 409
    assert "idempotency_key" in other.text
    twin = await world.service("twin", "nodes:write")
    assert (await twin.post("/node", json=job(root, "b"))).status_code == 409


async def test_racing_posts_of_one_key_create_one_node(
    world: World, root: Json, scheduler: AsyncClient
) -> None:
    posts = (
        world.good(scheduler.post("/node", json=job(root, "c"))) for _ in range(16)
    )
    nodes = await asyncio.gather(*posts)
    assert len({node["id"] for node in nodes}) == 1
    assert len(await world.events(nodes[0])) == 1


async def test_many_nodes_come_back_in_their_order_each_created_once(
    world: World, root: Json, scheduler: AsyncClient
) -> None:
    names = [f"job-{n}" for n in range(20)]
    bodies = [job(root, name, name=name) for name in names]
    early = await world.good(scheduler.post("/node", json=bodies[7]))
    nodes = await world.good(scheduler.post("/nodes", json=bodies))
    assert [node["name"] for node in nodes] == names
    assert nodes[7] == early
    assert await world.good(scheduler.post("/nodes", json=bodies)) == nodes
    assert [len(await world.events(node)) for node in nodes] == [1] * 20


async def test_racing_bulks_with_common_keys_create_each_node_once(
    world: World, root: Json, scheduler: AsyncClient
) -> None:
    bodies = [job(root, f"r{n}", name=f"r{n}") for n in range(8)]
    answers = await asyncio.gather(
        *(
            world.good(scheduler.post("/nodes", json=bodies[n : n + 5]))
            for n in range(4)
        )
    )
    assert len({node["id"] for nodes in answers for node in nodes}) == 8
    assert await world.nodes.count_documents({"treeid": root["id"]}) == 9


async def test_one_invalid_node_of_many_creates_none(
    world: World, root: Json, scheduler: AsyncClient
) -> None:
    bodies = [job(root, f"d{n}") for n in range(6)]
    bodies[4]["data"] = {"platform": 5}
    answer = await scheduler.post("/nodes", json=bodies)
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["body", 4, "data", "platform"]
    assert await world.nodes.count_documents({"treeid": root["id"]}) == 1
    twice = await scheduler.post("/nodes", json=[job(root, "e"), job(root, "e")])
    assert (twice.status_code, "used 2 times" in twice.text) == (422, True)


Write = Callable[..., Awaitable[bool]]
BrokenWrite = Callable[..., Awaitable[bool]]


async def answer_lost(write: Write, *to: Any) -> bool:
    await write(*to)
    raise AutoReconnect


async def sent_twice(write: Write, *to: Any) -> bool:
    await write(*to)
    done: bool = await write(*to)
    return done


@pytest.mark.parametrize("broken", [answer_lost, sent_twice])
@pytest.mark.parametrize("many", [False, True], ids=["one", "many"])
async def test_an_unconfirmed_insert_is_not_repeated(
    world: World,
    root: Json,
    scheduler: AsyncClient,
    broken: Callable[..., Awaitable[bool]],
    many: bool,
) -> None:
    store = type(world.stores.nodes)
    name = "_write_all" if many else "_write_one"
    write = getattr(store, name)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store, name, lambda *to: broken(write, *to))
        if many:
            bodies = [job(root), job(root)]
            nodes = await world.good(scheduler.post("/nodes", json=bodies))
        else:
            nodes = [await world.good(scheduler.post("/node", json=job(root)))]
    assert await world.nodes.count_documents({"treeid": root["id"]}) == 1 + len(nodes)
    for node in nodes:
        assert await world.good(scheduler.get(f"/node/{node['id']}")) == node


async def test_an_unconfirmed_change_is_made_once(
    world: World, root: Json, scheduler: AsyncClient
) -> None:
    store = type(world.stores.nodes)
    write = store._write_one
    lost = [True]

    async def answer_lost_once(*to: Any) -> bool:
        return await (answer_lost(write, *to) if lost.pop() else write(*to))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store, "_write_one", answer_lost_once)
        url = f"/node/{root['id']}"
        change = {"state": "done", "data": {"x": 1}}
        node = await world.good(scheduler.patch(url, json=change))
    assert (node["version"], node["data"]["x"]) == (2, 1)
    assert len(await world.events(node)) == 2

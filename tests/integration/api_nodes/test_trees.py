# SPDX-License-Identifier: LGPL-2.1-or-later
"""Result trees: all or nothing, once only, and only below their root."""

import asyncio
from typing import Any

import pytest
import pytest_asyncio
from httpx import AsyncClient

from integration.answers import Json
from integration.api_nodes.conftest import World

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(loop_scope="module")
async def job(world: World, root: Json, scheduler: AsyncClient) -> Json:
    return await world.job(scheduler, root)


def verdict(name: str, *below: Any, **fields: Any) -> Json:
    node = {"kind": "test", "name": name, "state": "done", "result": "pass", **fields}
    return {"node": node, "child_nodes": list(below)}


def boot(*below: Any, **fields: Any) -> Json:
    return {"node": {"kind": "job", "name": "boot", **fields}, "child_nodes": [*below]}


TREE = boot(
    verdict("uname"),
    verdict("smoke", verdict("proc-mounted"), verdict("panic", result="fail")),
    state="done",
    result="pass",
    artifacts={"log": "http://s/console.log"},
)


async def size(world: World, root: Json) -> int:
    found: int = await world.nodes.count_documents({"treeid": root["id"]})
    return found


async def test_a_tree_is_returned_flat_root_first_with_read_only_fields(
    world: World, root: Json, job: Json, scheduler: AsyncClient
) -> None:
    nodes = await world.good(scheduler.put(f"/nodes/{job['id']}", json=TREE))
    assert [node["name"] for node in nodes] == [
        "boot",
        "uname",
        "smoke",
        "proc-mounted",
        "panic",
    ]
    boot, _, smoke, mounted, _ = nodes
    assert boot["id"] == job["id"]
    assert (boot["state"], boot["result"], boot["version"]) == ("done", "pass", 2)
    assert boot["data"] == job["data"]
    assert mounted["path"] == ["checkout", "boot", "smoke", "proc-mounted"]
    assert mounted["parent"] == smoke["id"]
    assert {node["treeid"] for node in nodes} == {root["id"]}
    revision = root["data"]["kernel_revision"]
    assert all(node["data"]["kernel_revision"] == revision for node in nodes)
    for node in nodes:
        assert await world.good(scheduler.get(f"/node/{node['id']}")) == node


async def test_each_node_of_a_tree_has_an_event_the_root_one_of_the_hierarchy(
    world: World, job: Json, scheduler: AsyncClient
) -> None:
    nodes = await world.good(scheduler.put(f"/nodes/{job['id']}", json=TREE))
    events = await world.events(job)
    assert [event["data"]["is_hierarchy"] for event in events] == [False, True]
    for node in nodes[1:]:
        (event,) = await world.events(node)
        assert event["data"]["op"] == "created"
        assert event["data"]["is_hierarchy"] is False


async def test_a_repeated_tree_changes_nothing(
    world: World, root: Json, job: Json, scheduler: AsyncClient
) -> None:
    url = f"/nodes/{job['id']}"
    nodes = await world.good(scheduler.put(url, json=TREE))
    assert await world.good(scheduler.put(url, json=TREE)) == nodes
    assert await size(world, root) == 6


async def test_racing_puts_of_one_tree_store_it_once(
    world: World, root: Json, job: Json, scheduler: AsyncClient
) -> None:
    url = f"/nodes/{job['id']}"
    answers = await asyncio.gather(*(scheduler.put(url, json=TREE) for _ in range(6)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.text for answer in answers}) == 1
    assert await size(world, root) == 6


async def test_children_can_be_added_and_those_of_one_name_are_matched_in_order(
    world: World, root: Json, job: Json, scheduler: AsyncClient
) -> None:
    url = f"/nodes/{job['id']}"
    one, two = verdict("run"), verdict("run", state="running", result=None)
    first = await world.good(scheduler.put(url, json=boot(one, two)))
    two = verdict("run", result="fail")
    more = await world.good(scheduler.put(url, json=boot(one, two, verdict("x"))))
    assert [node["result"] for node in more[1:]] == ["pass", "fail", "pass"]
    assert [node["id"] for node in more[:3]] == [node["id"] for node in first]
    assert [node["version"] for node in more] == [3, 1, 2, 1]


async def test_a_tree_with_a_bad_sixth_child_stores_nothing(
    world: World, root: Json, job: Json, scheduler: AsyncClient
) -> None:
    children = [verdict(f"t{n}") for n in range(8)]
    children[5]["node"]["data"] = {"platform": 5}
    answer = await scheduler.put(
        f"/nodes/{job['id']}", json=boot(*children, state="done", result="pass")
    )
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == [
        "body",
        "child_nodes",
        5,
        "node",
        "data",
        "platform",
    ]
    assert await size(world, root) == 2
    assert await world.good(scheduler.get(f"/node/{job['id']}")) == job


async def test_a_transaction_that_fails_in_the_middle_leaves_nothing(
    world: World,
    root: Json,
    job: Json,
    scheduler: AsyncClient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = type(world.stores.nodes)

    async def dies(*_: Any) -> None:
        raise ConnectionResetError

    with monkeypatch.context() as broken:
        broken.setattr(store, "_update", dies)
        answer = await scheduler.put(f"/nodes/{job['id']}", json=TREE)
    assert answer.status_code >= 500
    assert await size(world, root) == 2
    assert len(await world.good(scheduler.put(f"/nodes/{job['id']}", json=TREE))) == 5


async def test_a_child_with_a_foreign_id_is_a_403_and_nothing_changes(
    world: World, root: Json, job: Json, scheduler: AsyncClient
) -> None:
    alice, bob = await world.person("alice2"), await world.person("bob2")
    foreign = await world.checkout(alice)
    own = await world.checkout(bob)
    takes = {
        "node": {"kind": "checkout", "name": "checkout"},
        "child_nodes": [verdict("taken", id=foreign["id"], owner="bob2")],
    }
    answer = await bob.put(f"/nodes/{own['id']}", json=takes)
    assert answer.status_code == 403
    for node in (foreign, own):
        assert await world.good(bob.get(f"/node/{node['id']}")) == node


async def test_a_tree_can_have_the_ids_of_its_nodes(
    world: World, root: Json, job: Json, scheduler: AsyncClient
) -> None:
    url = f"/nodes/{job['id']}"
    first = await world.good(scheduler.put(url, json=TREE))
    changed = {**first[1], "artifacts": {"log": "http://s/log"}}
    tree = {"node": first[0], "child_nodes": [{"node": changed}]}
    second = await world.good(scheduler.put(url, json=tree))
    assert second[1]["id"] == first[1]["id"]
    assert second[1]["artifacts"] == {"log": "http://s/log"}
    assert [node["version"] for node in second] == [3, 2]


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"state": "running"}, 400),
        ({"name": "other"}, 422),
        ({"kind": "kbuild"}, 422),
        ({"colour": "red"}, 422),
    ],
)
async def test_the_root_of_a_tree_obeys_the_rules_of_a_put(
    world: World, job: Json, scheduler: AsyncClient, fields: Json, status: int
) -> None:
    node = f"/node/{job['id']}"
    done = await world.good(scheduler.patch(node, json={"state": "done"}))
    forged = {"owner": "root", "created": "2001-01-01", "user_groups": ["x"]}
    tree = boot(verdict("uname"), **{**forged, **fields})
    answer = await scheduler.put(f"/nodes/{job['id']}", json=tree)
    assert answer.status_code == status
    assert await world.good(scheduler.get(node)) == done
    good = await world.good(scheduler.put(f"/nodes/{job['id']}", json=boot(**forged)))
    assert good == [done]


async def test_a_big_tree_is_stored_in_few_steps(
    world: World, root: Json, job: Json, scheduler: AsyncClient
) -> None:
    children = [verdict(f"t{n}") for n in range(300)]
    nodes = await world.good(
        scheduler.put(f"/nodes/{job['id']}", json=boot(*children), timeout=60)
    )
    assert len(nodes) == 301
    assert await size(world, root) == 302

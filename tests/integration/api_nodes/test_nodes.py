# SPDX-License-Identifier: LGPL-2.1-or-later
"""POST, GET, PATCH and PUT of single nodes."""

import asyncio
import re

import pytest
from httpx import AsyncClient

from integration.answers import CREATED_KEYS, Json
from integration.api_nodes.conftest import World
from kci_shared.models.nodes import BaseNode

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

NOWHERE = "65265305c74695807499037f"
BAD_ID = (
    "'zzz' is not a valid ObjectId, it must be a 12-byte input or a"
    " 24-character hex string"
)


async def test_a_new_node_has_all_public_fields_in_order(
    world: World, scheduler: AsyncClient
) -> None:
    node = await world.checkout(scheduler)
    assert list(node) == list(BaseNode.model_fields)
    assert node["path"] == ["checkout"]
    assert node["treeid"] == node["id"]
    assert (node["state"], node["result"], node["version"]) == ("running", None, 1)
    assert (node["owner"], node["claim"]) == ("scheduler", None)
    time = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00"
    for field in ("created", "updated", "timeout"):
        assert re.fullmatch(time, node[field])


async def test_a_get_returns_exactly_what_the_post_returned(
    world: World, scheduler: AsyncClient
) -> None:
    node = await world.checkout(scheduler)
    anybody = await world.anybody()
    answer = await anybody.get(f"/node/{node['id']}")
    assert answer.json() == node
    assert list(answer.json()) == list(node)
    assert answer.headers["etag"] == '"1"'


async def test_a_missing_node_is_null_and_a_bad_id_a_400(
    world: World,
) -> None:
    anybody = await world.anybody()
    missing = await anybody.get(f"/node/{NOWHERE}")
    assert (missing.status_code, missing.text) == (200, "null")
    bad = await anybody.get("/node/zzz")
    assert (bad.status_code, bad.json()) == (400, {"detail": BAD_ID})


async def test_a_child_takes_path_tree_and_revision_from_its_parent(
    world: World, scheduler: AsyncClient
) -> None:
    root = await world.checkout(scheduler, treeid="treeid-1")
    build = await world.child(scheduler, root, kind="kbuild", name="build/gcc")
    job = await world.child(scheduler, build, data={"platform": "qemu"})
    assert job["path"] == ["checkout", "build/gcc", "boot"]
    assert job["treeid"] == "treeid-1"
    assert job["data"]["kernel_revision"] == root["data"]["kernel_revision"]


async def test_read_only_fields_are_ignored(
    world: World, root: Json, scheduler: AsyncClient
) -> None:
    forged = {
        "id": NOWHERE,
        "owner": "root",
        "created": "2001-01-01T00:00:00",
        "updated": "2001-01-01T00:00:00",
        "version": 99,
        "path": ["x"],
        "claim": {"holder": "me"},
        "processed_by_kcidb_bridge": True,
    }
    node = await world.checkout(scheduler, **forged)
    for field in forged:
        assert node.get(field) != forged[field]
    url = f"/node/{node['id']}"
    assert await world.good(scheduler.patch(url, json=forged)) == node
    child = await world.child(scheduler, node, treeid="another")
    assert child["treeid"] == node["treeid"]


async def test_a_missing_token_or_right_is_a_401(
    world: World, lab: AsyncClient
) -> None:
    alice, bob = await world.person("alice1"), await world.person("bob1")
    node = await world.checkout(alice)
    anybody = await world.anybody()
    body = {"kind": "checkout", "name": "checkout"}
    assert (await anybody.post("/node", json=body)).status_code == 401
    url = f"/node/{node['id']}"
    for caller in (bob, lab):
        refused = await caller.patch(url, json={"state": "done"})
        assert refused.status_code == 401
        assert refused.json() == {"detail": "Unauthorized to complete the operation"}
        below = {"kind": "job", "name": "boot", "parent": node["id"]}
        assert (await caller.post("/node", json=below)).status_code == 401
        tree = {"node": {"kind": "checkout", "name": "checkout"}}
        answer = await caller.put(f"/nodes/{node['id']}", json=tree)
        assert answer.status_code == 401
    assert (await lab.post("/node", json=body)).status_code == 401


async def test_members_of_a_nodes_groups_may_edit_it(world: World) -> None:
    alice = await world.person("alice")
    await world.stores.groups.add("lab-editors")
    root = await world.checkout(alice, user_groups=["lab-editors"])
    job = await world.job(alice, root)
    member = await world.person("member", "lab-editors")
    runner = await world.person("runner", "runtime:lab:node-editor")
    editor = await world.person("editor", "node:edit:any")
    change = {"debug": {"seen": 1}}

    async def status(who: AsyncClient, node: Json) -> int:
        return (await who.patch(f"/node/{node['id']}", json=change)).status_code

    assert [await status(member, node) for node in (root, job)] == [200, 401]
    assert [await status(runner, node) for node in (root, job)] == [401, 200]
    assert [await status(editor, node) for node in (root, job)] == [200, 200]


async def test_a_labs_token_changes_only_its_nodes_and_keeps_them_its_own(
    world: World, root: Json, scheduler: AsyncClient, lab: AsyncClient
) -> None:
    mine = await world.job(scheduler, root)
    other = await world.job(scheduler, root, runtime="elsewhere")
    test = await world.child(lab, mine, kind="test", name="uname")
    assert test["owner"] == "lab"
    for node, status in ((mine, 200), (test, 200), (other, 401), (root, 401)):
        answer = await lab.patch(f"/node/{node['id']}", json={"debug": {"x": 1}})
        assert answer.status_code == status
    stolen = {"data": {"runtime": "elsewhere"}}
    assert (await lab.patch(f"/node/{mine['id']}", json=stolen)).status_code == 401
    below = {"kind": "job", "name": "j", "parent": mine["id"], **stolen}
    assert (await lab.post("/node", json=below)).status_code == 401


async def test_a_nodes_token_changes_its_subtree_only(
    world: World, root: Json, scheduler: AsyncClient
) -> None:
    build = await world.child(scheduler, root, kind="kbuild", name="build")
    sibling = await world.child(scheduler, root, kind="kbuild", name="other")
    builder = await world.service("container", f"node:{build['id']}")
    below = await world.child(builder, build, kind="test", name="warnings")
    for node, status in ((build, 200), (below, 200), (root, 401), (sibling, 401)):
        answer = await builder.patch(f"/node/{node['id']}", json={"debug": {"x": 1}})
        assert answer.status_code == status


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"kind": "job", "name": "boot", "colour": "red"}, "colour"),
        ({"kind": "node", "name": "boot"}, "kind"),
        ({"kind": "job"}, "name"),
        ({"kind": "job", "name": "boot", "state": "queued"}, "state"),
        ({"kind": "job", "name": "b", "artifacts": {"log": "file:///x"}}, "artifacts"),
        ({"kind": "job", "name": "b", "data": {"kernel_revision": {}}}, "tree"),
        ({"kind": "job", "name": "b", "data": {"platform": 5}}, "platform"),
        ({"kind": "job", "name": "b", "data": {"$where": "1"}}, "$where"),
        ({"kind": "job", "name": "b", "debug": {"a": {"$set": 1}}}, "$set"),
        ({"kind": "job", "name": "b", "debug": {"n": 2**70}}, "64 bits"),
        ({"kind": "regression", "name": "r", "data": {}}, "fail_node"),
    ],
)
async def test_an_invalid_body_is_a_422_that_names_the_field(
    world: World, scheduler: AsyncClient, body: Json, named: str
) -> None:
    before = await world.nodes.count_documents({})
    answer = await scheduler.post("/node", json=body)
    assert answer.status_code == 422
    assert named in answer.text
    assert await world.nodes.count_documents({}) == before


@pytest.mark.parametrize("raw", [b'{"x": NaN}', rb'{"x": "\ud800"}', b'{"\\u0000": 1}'])
async def test_values_that_json_or_the_database_cannot_express_are_refused(
    scheduler: AsyncClient, raw: bytes
) -> None:
    answer = await scheduler.post(
        "/node",
        content=b'{"kind": "job", "name": "boot", "data": ' + raw + b"}",
        headers={"Content-Type": "application/json"},
    )
    assert answer.status_code == 422


async def test_a_node_that_is_too_large_is_a_413(
    world: World, scheduler: AsyncClient
) -> None:
    body = {"kind": "job", "name": "boot", "data": {"log": "x" * (1 << 20)}}
    answer = await scheduler.post("/node", json=body)
    assert answer.status_code == 413
    assert "artifact" in answer.text


async def test_a_missing_parent_is_a_404(world: World, scheduler: AsyncClient) -> None:
    body = {"kind": "job", "name": "boot", "parent": NOWHERE}
    answer = await scheduler.post("/node", json=body)
    assert answer.status_code == 404
    assert answer.json() == {"detail": f"Parent not found with id: {NOWHERE}"}
    bad = await scheduler.post("/node", json={**body, "parent": "zzz"})
    assert (bad.status_code, bad.json()) == (400, {"detail": BAD_ID})


async def test_a_patch_merges_maps_and_a_null_removes_a_key(
    world: World, root: Json, scheduler: AsyncClient
) -> None:
    job = await world.job(scheduler, root, job_id="17", extra={"a": 1})
    url = f"/node/{job['id']}"
    change = {
        "data": {"job_id": None, "device": "qemu-1"},
        "artifacts": {"log": "http://s/log"},
    }
    after = await world.good(scheduler.patch(url, json=change))
    assert "job_id" not in after["data"]
    assert after["data"]["device"] == "qemu-1"
    assert after["data"]["extra"] == {"a": 1}
    assert after["artifacts"] == {"log": "http://s/log"}
    assert after["version"] == 2
    gone = {"artifacts": {"log": None}, "timeout": "2030-01-01T00:00:00"}
    after = await world.good(scheduler.patch(url, json=gone))
    assert after["artifacts"] == {}
    assert after["timeout"] == "2030-01-01T00:00:00.000+00:00"
    assert await world.good(scheduler.get(url)) == after


async def test_a_patch_that_changes_nothing_writes_nothing(
    world: World, root: Json, scheduler: AsyncClient
) -> None:
    url = f"/node/{root['id']}"
    again = await world.good(scheduler.patch(url, json={"state": "running"}))
    assert again == root
    empty = await scheduler.patch(url, json={})
    assert (empty.status_code, empty.json()["detail"]) == (400, "No fields to update")
    assert (await scheduler.patch(url, json={"state": None})).status_code == 422
    assert (await scheduler.patch(url, json={"colour": 1})).status_code == 422


async def test_the_state_machine_holds_on_patch_and_put(
    world: World, root: Json, scheduler: AsyncClient
) -> None:
    url = f"/node/{root['id']}"
    done = await world.good(scheduler.patch(url, json={"state": "done"}))
    back = await scheduler.patch(url, json={"state": "running"})
    assert back.status_code == 400
    assert back.json() == {"detail": "Transition not allowed with state: running"}
    put = await scheduler.put(url, json={**done, "state": "closing"})
    assert put.status_code == 400
    assert (await world.good(scheduler.get(url)))["version"] == 2


async def test_a_client_may_put_back_the_whole_node_that_it_read(
    world: World, root: Json, scheduler: AsyncClient
) -> None:
    job = await world.job(scheduler, root)
    changed = {**job, "state": "done", "result": "pass", "owner": "me", "version": 77}
    changed["data"] = {**job["data"], "device": "qemu-1"}
    after = await world.good(scheduler.put(f"/node/{job['id']}", json=changed))
    same = ("id", "created", "treeid", "owner", "path", "parent", "timeout")
    assert [after[field] for field in same] == [job[field] for field in same]
    assert (after["state"], after["result"]) == ("done", "pass")
    assert after["data"]["device"] == "qemu-1"
    assert after["version"] == 2


@pytest.mark.parametrize(
    "change", [{"kind": "kbuild"}, {"parent": NOWHERE}, {"name": "other"}]
)
async def test_a_put_that_moves_or_renames_a_node_is_a_422(
    world: World, root: Json, scheduler: AsyncClient, change: Json
) -> None:
    job = await world.job(scheduler, root)
    answer = await scheduler.put(f"/node/{job['id']}", json={**job, **change})
    assert answer.status_code == 422
    assert next(iter(change)) in answer.text


async def test_a_change_of_a_missing_node_is_a_404(
    scheduler: AsyncClient,
) -> None:
    for change in (
        scheduler.patch(f"/node/{NOWHERE}", json={"state": "done"}),
        scheduler.put(f"/node/{NOWHERE}", json={"kind": "job", "name": "boot"}),
    ):
        assert (await change).status_code == 404


async def test_a_regression_keeps_the_path_of_its_failed_node(
    world: World, root: Json, scheduler: AsyncClient
) -> None:
    job = await world.job(scheduler, root)
    body = {
        "kind": "regression",
        "name": "boot",
        "data": {"fail_node": job["id"], "pass_node": NOWHERE},
    }
    node = await world.good(scheduler.post("/node", json=body))
    assert (node["path"], node["parent"]) == (job["path"], None)
    assert (node["result"], node["treeid"]) == ("fail", node["id"])
    body["data"] = {"fail_node": NOWHERE, "pass_node": NOWHERE}
    answer = await scheduler.post("/node", json=body)
    assert (answer.status_code, "fail_node" in answer.text) == (422, True)


async def test_people_set_the_status_of_a_regression(
    world: World, root: Json, scheduler: AsyncClient
) -> None:
    job = await world.job(scheduler, root)
    data = {"fail_node": job["id"], "pass_node": NOWHERE, "failed_in": ["t1", "t2"]}
    body = {"kind": "regression", "name": "boot", "data": data}
    url = f"/regression/{(await world.good(scheduler.post('/node', json=body)))['id']}"
    anna = await world.person("anna")
    move = {"status": "acknowledged", "reason": "mine"}
    node = await world.good(anna.put(f"{url}/status", json=move))
    [entry] = node["data"]["history"]
    assert (entry["who"], entry["new"], entry["reason"]) == ("anna", *move.values())
    again = await world.good(anna.put(f"{url}/status", json=move))
    assert again["version"] == node["version"] == 2
    fixed = await scheduler.put(f"{url}/status", json={"status": "fixed"})
    assert (fixed.status_code, "fixed" in fixed.text) == (400, True)
    late = {"If-Match": '"1"'}
    close = {"status": "closed", "resolution": "wontfix"}
    assert (await anna.put(f"{url}/status", json=close)).status_code == 401
    refused = await scheduler.put(f"{url}/status", json=close, headers=late)
    assert refused.status_code == 409
    await world.good(scheduler.put(f"{url}/status", json=close))
    query = {"kind": "regression", "data.failed_in": "t2", "data.status": "closed"}
    found = await world.good(scheduler.get("/nodes", params=query))
    assert [one["data"]["resolution"] for one in found["items"]] == ["wontfix"]


async def test_if_match_accepts_one_of_many_writers(
    world: World, root: Json, scheduler: AsyncClient
) -> None:
    url = f"/node/{root['id']}"
    answers = await asyncio.gather(
        *(
            scheduler.patch(url, json={"debug": {"n": n}}, headers={"If-Match": '"1"'})
            for n in range(8)
        )
    )
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 7
    lost = next(answer for answer in answers if answer.status_code == 409)
    assert lost.json()["detail"]["version"] == 2
    bad = await scheduler.patch(url, json={"debug": {}}, headers={"If-Match": "x"})
    assert bad.status_code == 400


async def test_many_writers_of_one_node_all_succeed(
    world: World, root: Json, scheduler: AsyncClient
) -> None:
    url = f"/node/{root['id']}"
    answers = await asyncio.gather(
        *(scheduler.patch(url, json={"debug": {f"k{n}": n}}) for n in range(32))
    )
    assert {answer.status_code for answer in answers} == {200}
    after = await world.good(scheduler.get(url))
    assert len(after["debug"]) == 32
    assert after["version"] == 33


async def test_each_change_is_published_once_with_the_id_of_its_version(
    world: World, root: Json, scheduler: AsyncClient
) -> None:
    url = f"/node/{root['id']}"
    await world.good(scheduler.patch(url, json={"state": "available"}))
    await world.good(
        scheduler.patch(url, json={"debug": {"a": 1}}, params={"noevent": 1})
    )
    await world.good(scheduler.patch(url, json={"state": "done", "result": "pass"}))
    created, available, done = await world.events(root)
    assert [event["id"] for event in (created, available, done)] == [
        f"{root['id']}-{version}" for version in (1, 2, 4)
    ]
    assert list(created["data"]) == CREATED_KEYS
    assert created["data"]["op"] == "created"
    assert created["time"] == root["created"]
    assert created["owner"] == "scheduler"
    assert done["data"]["previous_state"] == "available"
    assert (done["data"]["result"], done["data"]["previous_result"]) == ("pass", None)
    assert "_sequence_id" not in done

# SPDX-License-Identifier: LGPL-2.1-or-later
"""The query language over HTTP, and that each documented query has an index."""

from datetime import datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from httpx import AsyncClient

from integration.answers import Json
from integration.api_nodes.conftest import World
from kci_api.nodes.documents import NodeDocument

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

NOWHERE = "65265305c74695807499037f"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def tree(world: World, scheduler: AsyncClient) -> list[Json]:
    """A checkout, a build, two jobs, of which one is done, and a test."""
    root = await world.checkout(scheduler, treeid="treeid-1")
    build = await world.child(scheduler, root, kind="kbuild", name="build/gcc")
    boot = await world.job(scheduler, build, device="qemu-1")
    done = {"name": "smoke", "state": "done", "result": "fail", "retry_counter": 1}
    smoke = await world.child(scheduler, boot, **done)
    test = await world.child(scheduler, smoke, kind="test", name="uname")
    return [root, build, boot, smoke, test]


async def names(who: AsyncClient, **query: Any) -> list[str]:
    answer = await who.get("/nodes", params=query)
    assert answer.status_code == 200, answer.text
    return [node["name"] for node in answer.json()["items"]]


ALL = ["checkout", "build/gcc", "boot", "smoke", "uname"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, ALL),
        ({"treeid": "treeid-1"}, ALL),
        ({"kind": "job"}, ["boot", "smoke"]),
        ({"kind": "job", "state": "running"}, ["boot"]),
        ({"kind__in": "job,test"}, ["boot", "smoke", "uname"]),
        ({"kind__nin": "job,test"}, ["checkout", "build/gcc"]),
        ({"state__ne": "done"}, ["checkout", "build/gcc", "boot", "uname"]),
        ({"result": "null", "kind": "job"}, ["boot"]),
        ({"result__ne": "null"}, ["smoke"]),
        ({"result__in": "fail,null", "kind": "job"}, ["boot", "smoke"]),
        ({"parent": "null"}, ["checkout"]),
        ({"name__re": "^[bs][a-z]{3,4}$"}, ["boot", "smoke"]),
        ({"path": "boot"}, ["boot", "smoke", "uname"]),
        ({"path.1": "build/gcc", "kind": "test"}, ["uname"]),
        ({"retry_counter__gt": "0"}, ["smoke"]),
        ({"retry_counter__int": "1"}, ["smoke"]),
        ({"data.kernel_revision.version.patchlevel": "16"}, ALL),
        ({"data.kernel_revision.version.patchlevel__gte": "17"}, []),
        ({"data.kernel_revision.commit__re": "^2a98"}, ALL),
        ({"data.device": "qemu-1"}, ["boot"]),
        ({"created__gt": "2000-01-01", "created__lt": "2001-01-01"}, []),
        ({"id": NOWHERE}, []),
        ({"claim": "null", "kind": "job"}, ["boot", "smoke"]),
        ({"sort": "-created"}, ALL[::-1]),
        ({"sort": "id", "limit": 2, "offset": 1}, ["build/gcc", "boot"]),
        ({"sort": "-id", "limit": 1}, ["uname"]),
    ],
)
@pytest.mark.usefixtures("tree")
async def test_a_query_returns_the_matching_nodes(
    scheduler: AsyncClient, query: Json, found: list[str]
) -> None:
    assert await names(scheduler, **query) == found


async def test_a_page_has_the_total_and_fast_is_a_plain_list(
    world: World, tree: list[Json]
) -> None:
    anybody = await world.anybody()
    page = await world.good(anybody.get("/nodes", params={"limit": 2, "offset": 1}))
    assert page == {"items": tree[1:3], "total": 5, "limit": 2, "offset": 1}
    jobs: dict[str, str | int] = {"kind": "job", "limit": 1}
    assert (await world.good(anybody.get("/nodes", params=jobs)))["total"] == 2
    assert await world.good(anybody.get("/nodes/fast?limit=9")) == tree
    assert await world.good(anybody.get("/nodes/fast", params=jobs)) == tree[2:3]
    assert (await anybody.get("/count", params=jobs)).text == "2"
    assert (await anybody.get("/count")).text == "5"


async def test_of_a_parameter_that_is_repeated_the_last_counts(
    world: World, tree: list[Json]
) -> None:
    anybody = await world.anybody()
    answer = await anybody.get("/nodes/fast?name=boot&name=smoke")
    assert [node["id"] for node in answer.json()] == [tree[3]["id"]]


async def test_nodes_are_found_by_ids_and_times_as_they_were_returned(
    world: World, tree: list[Json]
) -> None:
    anybody = await world.anybody()
    boot = tree[2]
    assert await names(anybody, id=boot["id"]) == ["boot"]
    assert await names(anybody, parent=boot["id"]) == ["smoke"]
    both = f"{boot['id']},{tree[3]['id']}"
    assert await names(anybody, parent__in=both) == ["smoke", "uname"]
    assert await names(anybody, id__gt=boot["id"]) == ["smoke", "uname"]
    created = datetime.fromisoformat(boot["created"])
    naive = created.replace(tzinfo=None).isoformat()
    for text in (boot["created"], naive, f"{naive}Z"):
        assert "boot" in await names(anybody, created__lte=text, created__gte=text)
    spaced = await anybody.get(f"/nodes/fast?created={boot['created']}")
    assert [node["name"] for node in spaced.json()] == ["boot"]
    east = (created + timedelta(hours=2)).replace(tzinfo=None).isoformat() + "+02:00"
    assert await names(anybody, created=east) == ["boot"]


@pytest.mark.parametrize(
    ("query", "status", "named"),
    [
        ("colour=red", 422, "colour"),
        ("a__b__c=1", 422, "a__b__c"),
        ("name__regex=x", 422, "regex"),
        ("name__=x", 200, ""),
        ("kind__lt=job", 422, "lt"),
        ("kind=banana", 422, "banana"),
        ("$where=1", 422, "$where"),
        ("name__$where=1", 422, "$where"),
        ("data.$where=1", 422, "$where"),
        ("outbox.version=1", 422, "outbox"),
        ("fence=1", 422, "fence"),
        ("retry_counter=x", 422, "retry_counter"),
        ("retry_counter=" + "9" * 30, 422, "retry_counter"),
        ("name__re=(((", 422, "name__re"),
        ("name__re=" + "a" * 300, 422, "name__re"),
        ("name__re=%00", 422, "name__re"),
        ("data.kernel_revision.commit__re=^([0-9a-f]%2B)%2Bg$", 422, "no groups"),
        ("limit=0", 422, "limit"),
        ("limit=1001", 422, "limit"),
        ("limit=x", 422, "limit"),
        ("offset=-1", 422, "offset"),
        ("offset=99999999999999999999", 422, "offset"),
        ("sort=name", 422, "sort"),
        ("parent=zzz", 400, "'zzz' is not a valid ObjectId"),
        ("created__gt=bogus", 400, "Invalid isoformat string: 'bogus'"),
        ("created__gt=0001-01-01T00:00:00%2B14:00", 400, "out of range"),
    ],
)
@pytest.mark.parametrize("address", ["/nodes", "/nodes/fast"])
async def test_an_invalid_query_is_refused_by_name(
    scheduler: AsyncClient, address: str, query: str, status: int, named: str
) -> None:
    answer = await scheduler.get(f"{address}?{query}")
    assert answer.status_code == status
    assert named in answer.text


BRANCH = {"data.kernel_revision.tree": "t", "data.kernel_revision.branch": "b"}
TEST = {"kind": "job", "name": "boot", "data.platform": "p"}
OF_A_BRANCH = (
    "data.kernel_revision.tree_1_data.kernel_revision.branch_1"
    "_kind_1_name_1_data.platform_1_result_1_created_1__id_1"
)


@pytest.mark.parametrize(
    ("query", "index"),
    [
        ({"treeid": "t"}, "treeid_1__id_1"),
        ({"parent": None}, "parent_1__id_1"),
        ({"name": "n"}, "name_1__id_1"),
        ({"kind": "job"}, "kind_1_state_1__id_1"),
        ({"kind": "job", "state": "running"}, "kind_1_state_1__id_1"),
        ({"state": "running"}, "state_1_timeout_1"),
        ({"created": {"$gt": datetime(2026, 1, 1)}}, "created_1__id_1"),
        ({"data.kernel_revision.commit": "c"}, "data.kernel_revision.commit_1__id_1"),
        (BRANCH, OF_A_BRANCH),
        (BRANCH | {"kind": "regression"}, OF_A_BRANCH),
        (BRANCH | TEST | {"result": {"$in": ["pass", "fail"]}}, OF_A_BRANCH),
        ({"data.failed_in": "t"}, "data.failed_in_1"),
        ({"data.fixed_in": "t"}, "data.fixed_in_1"),
        ({"data.issue": "i"}, "data.issue_1"),
        ({"ancestors": None}, "ancestors_1"),
        ({"idempotency_key": "k"}, "idempotency_key_1"),
        ({"outbox.version": {"$gt": 0}}, "outbox.version_1"),
    ],
)
@pytest.mark.usefixtures("tree")
async def test_a_documented_query_has_its_index(query: Json, index: str) -> None:
    plan = await NodeDocument.get_pymongo_collection().find(query).explain()
    stage = plan["queryPlanner"]["winningPlan"]
    assert stage.get("inputStage", stage).get("indexName") == index

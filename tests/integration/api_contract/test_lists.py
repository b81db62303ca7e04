# SPDX-License-Identifier: LGPL-2.1-or-later
"""Pages of nodes, and the list of runtimes."""

import pytest
from httpx import AsyncClient

from integration.answers import Json, good
from integration.api_contract.conftest import Site

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]


@pytest.mark.parametrize("order", [None, "-id", "created", "-created"])
async def test_a_cursor_leads_through_all_pages(
    admin: AsyncClient, a_checkout: Json, order: str | None
) -> None:
    tree = f"pages-{order}"
    batch = [{**a_checkout, "treeid": tree} for _ in range(7)]
    made = [one["id"] for one in await good(admin.post("/nodes", json=batch))]
    query = {"treeid": tree, "limit": "3", **({"sort": order} if order else {})}
    seen: list[str] = []
    for address in ("/nodes/fast", "/nodes"):
        seen, cursor = [], None
        while True:
            page = {**query, **({"cursor": cursor} if cursor else {})}
            answer = await admin.get(address, params=page)
            items = answer.json()["items"] if address == "/nodes" else answer.json()
            seen += [one["id"] for one in items]
            cursor = answer.headers.get("next-cursor")
            if cursor is None:
                break
        backwards = order is not None and order.startswith("-")
        assert seen == (made[::-1] if backwards else made)
    both = {**query, "cursor": seen[2] if order in (None, "-id") else "1." + seen[2]}
    narrowed = {**both, "id__gt": made[0], "created__gt": "2020-01-01"}
    assert (await admin.get("/nodes/fast", params=narrowed)).is_success


async def test_a_list_without_a_limit_has_all_nodes_of_a_tree(
    admin: AsyncClient, a_checkout: Json
) -> None:
    made: list[str] = []
    for size in (1000, 101):
        batch = [{**a_checkout, "treeid": "long"} for _ in range(size)]
        made += [one["id"] for one in await good(admin.post("/nodes", json=batch))]
    answer = await admin.get("/nodes/fast?treeid=long")
    assert "next-cursor" not in answer.headers
    assert [one["id"] for one in answer.json()] == made
    rest = await good(admin.get("/nodes/fast?treeid=long&offset=1099&sort=-id"))
    assert [one["id"] for one in rest] == made[1::-1]
    limited = await admin.get("/nodes/fast?treeid=long&limit=1000")
    assert [one["id"] for one in limited.json()] == made[:1000]
    assert (await good(admin.get("/nodes/fast?treeid=none"))) == []


@pytest.mark.parametrize("query", ["", "owner=admin", "treeid__ne=long", "limit=0"])
async def test_a_list_that_nothing_bounds_is_refused(
    admin: AsyncClient, query: str
) -> None:
    answer = await admin.get(f"/nodes/fast?{query}")
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["query", "limit"]


@pytest.mark.parametrize("cursor", ["x", "1.2", "$gt", "-" + "9" * 14 + "." + "0" * 24])
async def test_an_invalid_cursor_is_refused(admin: AsyncClient, cursor: str) -> None:
    for order in ("id", "created"):
        query = {"cursor": cursor, "sort": order}
        answer = await admin.get("/nodes/fast", params=query)
        assert answer.status_code == 422, (order, answer.text)
        assert answer.json()["detail"][0]["loc"] == ["query", "cursor"]


async def test_a_runtime_is_listed_with_its_health_and_job_counts(
    site: Site, admin: AsyncClient, a_checkout: Json
) -> None:
    lab = await site.service("runtime:lab-z")
    report = {"kind": "labgrid", "platforms": {"qemu": 2}, "facts": {"version": "1"}}
    await good(lab.put("/runtimes/lab-z", json=report))
    foreign = await lab.put("/runtimes/lab-y", json=report)
    assert foreign.status_code == 401
    assert (await lab.put("/runtimes/lab-z", json={"kind": 1})).status_code == 422
    root = await good(admin.post("/node", json=a_checkout))
    done = {"state": "done", "result": "pass"}
    lost = {"state": "done", "result": "incomplete"}
    blame = {"error_code": "Infrastructure"}
    for fields, data in ((done, {}), (done, {}), (lost, blame), ({}, {})):
        where = {"runtime": "lab-z", "platform": "qemu", **data}
        body = {"kind": "job", "name": "boot", "parent": root["id"], "data": where}
        await good(admin.post("/node", json=body | fields))
    anybody = await site.client()
    [known] = [
        one
        for one in await good(anybody.get("/runtimes?hours=1"))
        if one["name"] == "lab-z"
    ]
    assert (known["online"], known["platforms"]) == (True, {"qemu": 2})
    [jobs] = known["jobs"]
    assert jobs == {
        "platform": "qemu",
        "waiting": 1,
        "running": 0,
        "passed": 2,
        "failed": 0,
        "incomplete": 1,
        "skipped": 0,
        "infrastructure": 1,
    }
    sick = {**report, "healthy": False, "message": "no power"}
    await good(lab.put("/runtimes/lab-z", json=sick))
    now = {one["name"]: one for one in await good(anybody.get("/runtimes"))}
    assert now["lab-z"]["online"] is False
    assert (await lab.delete("/runtimes/lab-z")).status_code == 403
    await good(admin.delete("/runtimes/lab-z"))
    assert (await admin.delete("/runtimes/lab-z")).status_code == 404

# SPDX-License-Identifier: LGPL-2.1-or-later
"""Claims over HTTP: a node has one holder at a time, and late ones get 409."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from bson import ObjectId
from httpx import AsyncClient, Response

from integration.answers import Json
from integration.api_nodes.conftest import World

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

NOWHERE = "65265305c74695807499037f"
SHORT_S, LONG_S = 0.3, 30.0
"""A lease that a test waits for, and a timeout that it does not reach."""


class Lab:
    """A lab of this test's own, and its jobs."""

    def __init__(self, world: World, name: str, client: AsyncClient) -> None:
        self.good = world.good
        self.name = name
        self.client = client

    async def try_claim(self, **fields: Any) -> Response:
        """Request nodes; return the response."""
        request = {"runtime": self.name, "platforms": ["qemu"], "lease": 30, **fields}
        return await self.client.post("/claims", json=request, timeout=30)

    async def claim(self, **fields: Any) -> Json:
        """Claim one node."""
        claimed: list[Json] = await self.good(self.try_claim(**fields))
        assert len(claimed) == 1
        return claimed[0]

    async def call(self, node: Json, what: str, **body: Any) -> Response:
        """Send a request about a claim; return the response."""
        return await self.client.post(f"/claims/{node['id']}/{what}", json=body)

    async def report(self, claimed: Json, **fields: Any) -> Response:
        """Report a passed run with two tests."""
        tests = [
            {"node": {"kind": "test", "name": name, "state": "done", "result": "pass"}}
            for name in ("uname", "smoke")
        ]
        body = {"outcome": {"result": "pass"}, "child_nodes": tests, **fields}
        token = {"token": claimed["claim"]["token"]}
        return await self.call(claimed["node"], "result", **{**token, **body})

    async def renew(self, claimed: Json, **fields: Any) -> Response:
        """Renew the lease."""
        body = {"token": claimed["claim"]["token"], "lease": 30, **fields}
        return await self.client.put(f"/claims/{claimed['node']['id']}", json=body)


@pytest_asyncio.fixture(loop_scope="module")
async def lab(world: World, root: Json) -> AsyncIterator[Lab]:
    name = f"lab-{root['id']}"
    yield Lab(world, name, await world.service(name, f"runtime:{name}"))


@pytest_asyncio.fixture(loop_scope="module")
async def job(world: World, root: Json, scheduler: AsyncClient, lab: Lab) -> Json:
    return await world.job(scheduler, root, runtime=lab.name)


async def test_a_claimed_node_shows_its_holder_but_not_the_token(
    world: World, lab: Lab, job: Json
) -> None:
    claimed = await lab.claim()
    node, grant = claimed["node"], claimed["claim"]
    assert (node["id"], node["state"], node["version"]) == (job["id"], "running", 2)
    assert node["claim"] == {
        "holder": lab.name,
        "expires": grant["expires"],
        "attempt": 1,
        "deadline": None,
    }
    assert list(grant) == ["token", "expires", "attempt"]
    assert grant["expires"].endswith("+00:00")
    anybody = await world.anybody()
    assert (await world.good(anybody.get(f"/node/{job['id']}"))) == node
    assert len(await world.events(job)) == 2
    assert (await lab.try_claim()).status_code == 204


async def test_only_waiting_nodes_of_runtime_and_platform_are_claimed(
    world: World, root: Json, scheduler: AsyncClient, lab: Lab
) -> None:
    await world.job(scheduler, root, runtime=lab.name, platform="board")
    await world.job(scheduler, root, runtime="another")
    done = await world.job(scheduler, root, runtime=lab.name)
    await world.good(scheduler.patch(f"/node/{done['id']}", json={"state": "done"}))
    data = {"runtime": lab.name, "platform": "qemu"}
    await world.child(scheduler, root, kind="test", name="uname", data=data)
    assert (await lab.try_claim()).status_code == 204
    built = await world.child(scheduler, root, kind="kbuild", name="build", data=data)
    assert (await lab.claim())["node"]["id"] == built["id"]


async def test_priority_comes_first_then_age(
    world: World, root: Json, scheduler: AsyncClient, lab: Lab
) -> None:
    priorities = [None, 10, None, 50, 10]
    jobs = [
        await world.job(scheduler, root, runtime=lab.name, priority=priority)
        for priority in priorities
    ]
    claimed = await world.good(lab.try_claim(max=4))
    order = [
        jobs.index(next(j for j in jobs if j["id"] == c["node"]["id"])) for c in claimed
    ]
    assert order == [3, 1, 4, 0]


async def test_to_claim_takes_a_right_on_the_runtime(
    world: World, lab: Lab, job: Json
) -> None:
    request = {"runtime": lab.name, "platforms": ["qemu"]}
    other = await world.service("other", "runtime:other")
    nobody = await world.person(f"nobody-{job['id']}")
    for caller in (other, nobody):
        assert (await caller.post("/claims", json=request)).status_code == 401
    member = await world.person(f"m-{job['id']}", f"runtime:{lab.name}:node-admin")
    assert (await member.post("/claims", json=request)).status_code == 200


async def test_racing_claims_grant_each_node_once(
    world: World, root: Json, scheduler: AsyncClient, lab: Lab
) -> None:
    for _ in range(10):
        await world.job(scheduler, root, runtime=lab.name)
    answers = await asyncio.gather(*(lab.try_claim(lease=600) for _ in range(32)))
    granted = [one for answer in answers if answer.content for one in answer.json()]
    assert sorted({answer.status_code for answer in answers}) == [200, 204]
    assert len(granted) == 10
    assert len({one["node"]["id"] for one in granted}) == 10


async def test_a_waiting_claim_gets_a_node_as_soon_as_it_is_created(
    world: World,
    root: Json,
    scheduler: AsyncClient,
    lab: Lab,
    claim_waits: asyncio.Event,
) -> None:
    waiting = asyncio.create_task(lab.try_claim(wait=LONG_S))
    await claim_waits.wait()
    job = await world.job(scheduler, root, runtime=lab.name)
    async with asyncio.timeout(LONG_S / 2):
        (claimed,) = await world.good(waiting)
    assert claimed["node"]["id"] == job["id"]


async def test_a_waiting_claim_ends_without_a_node(
    lab: Lab, claim_waits: asyncio.Event
) -> None:
    answer = await lab.try_claim(wait=0.1)
    assert (answer.status_code, answer.content) == (204, b"")
    assert claim_waits.is_set()


async def test_a_renewal_extends_the_lease_without_a_new_version(
    world: World, lab: Lab, job: Json
) -> None:
    claimed = await lab.claim(lease=5)
    grant = await world.good(lab.renew(claimed, lease=60))
    before = datetime.fromisoformat(claimed["claim"]["expires"])
    after = datetime.fromisoformat(grant["expires"])
    assert after - before > timedelta(seconds=50)
    node = await world.good(lab.client.get(f"/node/{job['id']}"))
    assert node["claim"]["expires"] == grant["expires"]
    assert node["version"] == claimed["node"]["version"]
    assert len(await world.events(job)) == 2


async def test_the_holder_adds_data_to_its_node(
    world: World, lab: Lab, job: Json
) -> None:
    claimed = await lab.claim()
    for _ in range(2):
        grant = await world.good(
            lab.renew(claimed, lease=None, data={"job_id": "17", "device": "q1"})
        )
        assert grant == claimed["claim"]
    node = await world.good(lab.client.get(f"/node/{job['id']}"))
    assert (node["data"]["job_id"], node["version"]) == ("17", 3)
    stolen = await lab.renew(claimed, data={"runtime": "another"})
    assert stolen.status_code == 401


async def test_after_its_lease_a_holder_loses_the_claim(
    world: World, root: Json, lab: Lab, job: Json
) -> None:
    late = await lab.claim()
    assert (await lab.try_claim()).status_code == 204
    assert (await lab.renew(late)).status_code == 200
    await world.expire_claim(job)
    claimed = await lab.claim()
    assert claimed["node"]["id"] == job["id"]
    assert claimed["claim"]["attempt"] == 2
    assert claimed["claim"]["token"] > late["claim"]["token"]
    for answer in (
        await lab.report(late),
        await lab.renew(late),
        await lab.renew(late, lease=None, data={"job_id": "1"}),
        await lab.call(job, "release", token=late["claim"]["token"], reason="x"),
    ):
        assert answer.status_code == 409
        assert "lost" in answer.json()["detail"]
    assert await world.nodes.count_documents({"treeid": root["id"]}) == 2
    headers = {"Claim-Token": str(late["claim"]["token"])}
    patch = {"state": "done"}
    url = f"/node/{job['id']}"
    assert (await lab.client.patch(url, json=patch, headers=headers)).status_code == 409


async def test_a_waiting_claim_takes_over_when_a_lease_runs_out(
    world: World, lab: Lab, job: Json
) -> None:
    await lab.claim(lease=SHORT_S)
    assert (await lab.claim(wait=10))["claim"]["attempt"] == 2


async def test_after_three_lost_leases_a_node_cannot_be_claimed(
    world: World, lab: Lab, job: Json
) -> None:
    for attempt in (1, 2, 3):
        assert (await lab.claim())["claim"]["attempt"] == attempt
        await world.expire_claim(job)
    assert (await lab.try_claim()).status_code == 204


async def test_a_released_node_can_be_claimed_at_once_and_the_attempt_does_not_count(
    world: World, lab: Lab, job: Json
) -> None:
    claimed = await lab.claim()
    token = claimed["claim"]["token"]
    released = await world.good(lab.call(job, "release", token=token, reason="drain"))
    assert released["claim"] is None
    assert released["debug"]["released"]["reason"] == "drain"
    again = await world.good(lab.call(job, "release", token=token, reason="drain"))
    assert again == released
    for late in (await lab.report(claimed), await lab.renew(claimed)):
        assert late.status_code == 409
    second = await lab.claim()
    assert second["claim"]["attempt"] == 1
    assert second["claim"]["token"] > token


async def test_a_restarted_bridge_adopts_its_node_with_a_new_token(
    world: World, lab: Lab, job: Json
) -> None:
    before = await lab.call(job, "adopt", runtime=lab.name)
    assert before.status_code == 409
    claimed = await lab.claim()
    adopted = await world.good(lab.call(job, "adopt", runtime=lab.name, lease=40))
    assert adopted["claim"]["attempt"] == 1
    assert adopted["claim"]["token"] > claimed["claim"]["token"]
    assert (await lab.renew(claimed)).status_code == 409
    assert (await lab.renew(adopted)).status_code == 200
    later = await lab.call(job, "adopt", runtime=lab.name, attempt=2)
    assert later.status_code == 409
    other = await world.service("thief", f"runtime:{lab.name}")
    url = f"/claims/{job['id']}/adopt"
    stolen = await other.post(url, json={"runtime": lab.name})
    assert stolen.status_code == 409
    missing = await lab.call({"id": NOWHERE}, "adopt", runtime=lab.name)
    assert missing.status_code == 404
    assert (await lab.call(job, "adopt", runtime="elsewhere")).status_code == 401


async def test_a_report_ends_a_node_with_its_tests_in_one_step_and_once(
    world: World, root: Json, lab: Lab, job: Json
) -> None:
    claimed = await lab.claim()
    artifacts = {"log": "http://s/console.log"}
    first = await world.good(lab.report(claimed, artifacts=artifacts))
    assert (first["state"], first["result"], first["claim"]) == ("done", "pass", None)
    assert first["artifacts"] == artifacts
    assert first["data"]["runtime"] == lab.name
    assert await world.good(lab.report(claimed, artifacts=artifacts)) == first
    assert await world.nodes.count_documents({"treeid": root["id"]}) == 4
    events = await world.events(job)
    assert len(events) == 3
    assert (events[-1]["data"]["state"], events[-1]["data"]["is_hierarchy"]) == (
        "done",
        True,
    )
    assert (await lab.renew(claimed)).status_code == 409


async def test_racing_reports_of_one_claim_are_stored_once(
    world: World, root: Json, lab: Lab, job: Json
) -> None:
    claimed = await lab.claim()
    answers = await asyncio.gather(*(lab.report(claimed) for _ in range(5)))
    assert {answer.status_code for answer in answers} == {200}
    assert await world.nodes.count_documents({"treeid": root["id"]}) == 4


async def test_an_outcome_replaces_earlier_errors(
    world: World, lab: Lab, job: Json
) -> None:
    claimed = await lab.claim()
    outcome = {
        "result": "incomplete",
        "error_code": "Infrastructure",
        "error_msg": "no power",
    }
    node = await world.good(lab.report(claimed, outcome=outcome, child_nodes=[]))
    assert node["data"]["error_code"] == "Infrastructure"
    assert node["data"]["error_msg"] == "no power"


async def test_a_report_of_a_node_that_another_ended_is_refused(
    world: World, root: Json, scheduler: AsyncClient, lab: Lab, job: Json
) -> None:
    claimed = await lab.claim()
    canceled = {"state": "done", "result": "incomplete"}
    node = await world.good(scheduler.patch(f"/node/{job['id']}", json=canceled))
    assert node["claim"] is None
    for late in (await lab.report(claimed), await lab.renew(claimed)):
        assert late.status_code == 409
    assert await world.nodes.count_documents({"treeid": root["id"]}) == 2


async def test_a_report_with_an_invalid_test_stores_nothing(
    world: World, root: Json, lab: Lab, job: Json
) -> None:
    claimed = await lab.claim()
    bad = [{"node": {"kind": "test", "name": "x", "data": {"findings": "many"}}}]
    answer = await lab.report(claimed, child_nodes=bad)
    assert (answer.status_code, "findings" in answer.text) == (422, True)
    assert await world.nodes.count_documents({"treeid": root["id"]}) == 2
    assert (await lab.report(claimed)).status_code == 200


async def test_a_stale_holder_writes_nothing_to_its_node_and_its_tree(
    world: World, lab: Lab, job: Json
) -> None:
    stale = await lab.claim()
    test = {"kind": "test", "name": "uname", "parent": job["id"]}
    children = {
        "node": {"kind": "job", "name": "boot"},
        "child_nodes": [{"node": test}],
    }
    old = {"Claim-Token": str(stale["claim"]["token"])}
    child = await world.good(lab.client.post("/node", json=test, headers=old))
    await world.expire_claim(job)
    held = await lab.claim()
    new = {"Claim-Token": str(held["claim"]["token"])}

    async def writes(headers: dict[str, str]) -> list[int]:
        calls = (
            lab.client.patch(
                f"/node/{job['id']}", json={"data": {"x": 1}}, headers=headers
            ),
            lab.client.put(f"/nodes/{job['id']}", json=children, headers=headers),
            lab.client.patch(
                f"/node/{child['id']}", json={"data": {"x": 1}}, headers=headers
            ),
            lab.client.put(
                f"/node/{child['id']}", json={**test, "result": "fail"}, headers=headers
            ),
            lab.client.post("/node", json={**test, "name": "more"}, headers=headers),
            lab.client.post("/nodes", json=[{**test, "name": "many"}], headers=headers),
        )
        return [(await call).status_code for call in calls]

    before = await world.nodes.count_documents({"treeid": job["treeid"]})
    assert await writes(old) == [409] * 6
    assert await writes({}) == [409] * 6, "a lab must say by which claim it writes"
    assert await world.nodes.count_documents({"treeid": job["treeid"]}) == before
    assert await writes(new) == [200] * 6
    await world.good(lab.report(held))
    assert await writes(new) == [409] * 6


async def test_a_claim_between_read_and_write_stops_the_stale_holder(
    world: World, lab: Lab, job: Json, monkeypatch: pytest.MonkeyPatch
) -> None:
    stale = await lab.claim()
    await world.expire_claim(job)
    store = type(world.stores.nodes)
    write_all = store._write_all

    async def claim_first(self: Any, by: str, plan: Any) -> Any:
        monkeypatch.undo()
        await lab.claim()
        return await write_all(self, by, plan)

    monkeypatch.setattr(store, "_write_all", claim_first)
    headers = {"Claim-Token": str(stale["claim"]["token"])}
    test = {"kind": "test", "name": "uname", "parent": job["id"]}
    late = await lab.client.post("/node", json=test, headers=headers)
    assert late.status_code == 409
    assert await world.nodes.count_documents({"parent": ObjectId(job["id"])}) == 0

# SPDX-License-Identifier: LGPL-2.1-or-later
"""The service as processes, with a real API and storage: doubled, killed, asked."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from integration.conftest import Serving
from kci_fakes.repository import Repository
from kci_local.parts import service_part
from kci_local.site import Site
from kci_local.stack import Stack
from kci_shared.client import ApiClient
from kci_shared.models import Job, Kind, NewNode, Node, Result, State
from kci_shared.storage import StorageSettings

pytestmark = [pytest.mark.integration, pytest.mark.timeout(200)]

CONFIG = "trees:\n  mine:\n    url: {url}\n    branches: {{master: {{}}}}\n"
REPLICAS = ("", "-2")
PATCH = """\
--- a/Makefile
+++ b/Makefile
@@ -1,2 +1,2 @@
-# a kernel
+# mine
 VERSION = 6
"""


class World:
    """An API with a storage, and two triggers to start and to kill."""

    def __init__(self, site: Site, api: ApiClient, repository: Repository) -> None:
        self.site = site
        self.api = api
        self.repository = repository
        self.processes = Stack(site).processes
        (site.config / "trees.yaml").write_text(CONFIG.format(url=repository.url))

    async def start(self, replica: str = "") -> None:
        if replica:  # there is one API for both
            self.site.ports[f"api{replica}"] = self.site.ports["api"]
        part = service_part(self.site, "trigger", replica)
        if replica:
            part.env["KCI_PORT"] = "0"
        await self.processes.start(part)
        await self.processes.until_ready(part)

    async def checkouts(self, commit: str) -> list[Node]:
        query = {"data.kernel_revision.commit": commit}
        return await self.api.find(kind=Kind.CHECKOUT.value, **query)

    async def made(self, commit: str) -> Node:
        """Return the one checkout of a commit, as soon as it is not running."""
        async with asyncio.timeout(60):
            while True:
                found = await self.checkouts(commit)
                if found and all(node.state is not State.RUNNING for node in found):
                    [node] = found
                    return node
                await asyncio.sleep(0.1)

    async def ended(self, node_id: str) -> Node:
        """Return a node as soon as it is not running."""
        async with asyncio.timeout(60):
            while True:
                node = await self.api.get(node_id)
                if node is not None and node.state is not State.RUNNING:
                    return node
                await asyncio.sleep(0.1)

    async def ask(self, path: str, **body: Any) -> httpx.Response:
        token = self.site.secrets.path("admin.token").read_text()
        url = f"{self.site.url('trigger')}/api/{path}"
        async with httpx.AsyncClient(trust_env=False) as http:
            headers = {"Authorization": token}  # without Bearer, as kci-dev
            return await http.post(url, json=body, headers=headers)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, serving: Serving) -> Iterator[Site]:
    state = tmp_path_factory.mktemp("state")
    config = tmp_path_factory.mktemp("config")
    with serving(Site.open(state, config, Path("unused"))) as site:
        yield site


@pytest.fixture
async def world(site: Site, repository: Repository) -> AsyncIterator[World]:
    settings = StorageSettings(
        api_url=site.url("api"),
        storage_url=site.url("storage"),
        token_file=site.secrets.path("outside.token"),
    )
    async with ApiClient.connect(settings) as api:
        world = World(site, api, repository)
        yield world
        for replica in REPLICAS:
            await world.processes.stop(f"trigger{replica}")


async def test_two_triggers_that_are_killed_make_each_checkout_once(
    world: World,
) -> None:
    """Kill one or the other at another moment each time, and start it again."""
    for replica in REPLICAS:
        await world.start(replica)
    commits = []
    for number in range(4):
        commits.append(world.repository.commit(f"change {number}"))
        await asyncio.sleep(0.4 * number)
        victim = REPLICAS[number % 2]
        await world.processes.kill(f"trigger{victim}")
        await world.start(victim)
    last = await world.made(commits[-1])
    assert (last.result, last.state) == (Result.PASS, State.AVAILABLE)
    assert last.data.kernel_revision is not None
    assert last.data.kernel_revision.tip_of_branch
    for commit in commits:
        if await world.checkouts(commit):  # one that was the tip for long enough
            made = await world.made(commit)
            assert (made.result, made.state) == (Result.PASS, State.AVAILABLE)
    async with httpx.AsyncClient(trust_env=False) as http:
        tarball = (await http.get(last.artifacts["tarball"])).content
    assert tarball.startswith(b"\x1f\x8b")


async def test_people_ask_for_a_checkout_a_patch_and_the_same_job_again(
    world: World,
) -> None:
    await world.start()
    first = world.repository.commit("begin")
    base = await world.made(first)
    asked = {"url": world.repository.url, "branch": "master", "commit": first}
    answer = await world.ask("checkout", **asked, jobfilter=["boot"])
    assert answer.status_code == 200, answer.text
    node = await world.api.get(answer.json()["node"]["id"])
    assert node is not None
    assert (node.jobfilter, node.submitter) == (["boot"], "user:admin")
    assert node.id != base.id
    patched = (await world.ask("patchset", nodeid=base.id, patch=[PATCH])).json()
    job = await world.api.create(
        NewNode(
            kind=Kind.JOB,
            name="boot",
            parent=base.id,
            state=State.DONE,
            result=Result.FAIL,
            data={"runtime": "lab", "platform": "board"},
        )
    )
    again = [(await world.ask("jobretry", nodeid=job.id)).json() for _ in range(2)]
    assert again[0] == again[1]  # the second finds it waiting
    retried = await world.api.get(again[0]["node"]["id"])
    assert isinstance(retried, Job)
    assert (retried.retry_counter, retried.state) == (1, State.RUNNING)
    node = await world.ended(patched["node"]["id"])
    assert (node.state, node.data.error_msg) == (State.AVAILABLE, None)
    assert node.data.kernel_revision is not None
    digest = str(node.data.kernel_revision.patchset)
    assert digest[:12] in node.artifacts["tarball"]


async def test_what_cannot_be_granted_is_told_with_the_field(world: World) -> None:
    await world.start()
    elsewhere = await world.ask("checkout", url="https://x.example/", branch="b")
    assert elsewhere.status_code == 400
    assert "url: not of a configured tree" in elsewhere.json()["detail"]
    missing = await world.ask("jobretry", nodeid="0" * 24)
    assert missing.status_code == 404
    async with httpx.AsyncClient(trust_env=False) as http:
        url = f"{world.site.url('trigger')}/api/checkout"
        body = {"url": world.repository.url, "branch": "master"}
        refused = await http.post(url, json=body, headers={"Authorization": "guess"})
        token = world.site.secrets.path("local-bridge.token").read_text()
        headers = {"Authorization": f"Bearer {token}"}
        forbidden = await http.post(url, json=body, headers=headers)
    assert (refused.status_code, forbidden.status_code) == (401, 403)

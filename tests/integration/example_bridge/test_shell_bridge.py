# SPDX-License-Identifier: LGPL-2.1-or-later
"""The bridge of docs/write-a-bridge.md, with a real API and storage."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from kci_local.clients import connect
from kci_local.processes import Process
from kci_local.site import Site
from kci_local.stack import Stack
from kci_shared.client import ApiClient
from kci_shared.models import ErrorCode, Kind, NewNode, Node, Result, State

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

EXAMPLE = Path(__file__).parents[3] / "docs" / "examples" / "shell_bridge.py"
NAME = "shell-bridge"
RUNTIME = "lab-shell"
KILL_SHELL = "read pid name state parent rest </proc/$PPID/stat; kill -9 $parent"
FACTS = {"runtime": RUNTIME, "platform": "shell"}


class World:
    """An API with a storage, and the example."""

    def __init__(self, site: Site, api: ApiClient) -> None:
        self.processes = Stack(site).processes
        self._site = site
        self._api = api
        self.health = health = f"http://127.0.0.1:{site.ports[f'{NAME} health']}/ready"
        env = {
            "KCI_API_URL": site.url("api"),
            "KCI_STORAGE_URL": site.url("storage"),
            "KCI_TOKEN_FILE": str(site.secrets.path(f"{NAME}.token")),
            "KCI_RUNTIME": RUNTIME,
            "KCI_CACHE": str(site.folder("cache")),
            "KCI_HEALTH_PORT": str(site.ports[f"{NAME} health"]),
            "KCI_LEASE": "3",
        }
        self.environment = env
        self._part = Process(NAME, [sys.executable, str(EXAMPLE)], env, health=health)

    async def issue_token(self) -> str:
        """Put a new token into the bridge's file; return the token's id."""
        new = {"name": NAME, "scopes": [f"runtime:{RUNTIME}"], "expires_in": 3600}
        async with self._admin() as http:
            made = (await http.post("/latest/tokens", json=new)).json()
        self._site.secrets.write(f"{NAME}.token", made["token"])
        return str(made["id"])

    async def revoke_token(self, token_id: str) -> None:
        async with self._admin() as http:
            answer = await http.delete(f"/latest/tokens/{token_id}")
        assert answer.is_success, answer.text

    def _admin(self) -> httpx.AsyncClient:
        token = self._site.secrets.path("admin.token").read_text()
        headers = {"Authorization": f"Bearer {token}"}
        return httpx.AsyncClient(base_url=self._site.url("api"), headers=headers)

    async def start(self) -> None:
        await self.processes.start(self._part)
        await self.processes.until_ready(self._part)

    async def submit(self, *tests: dict[str, Any]) -> str:
        facts = {**FACTS, "definition": {"artifacts": {}, "tests": tests}}
        return (
            await self._api.create(NewNode(kind=Kind.JOB, name="sh", data=facts))
        ).id

    async def node(self, node_id: str) -> Node:
        node = await self._api.get(node_id)
        assert node is not None
        return node

    async def done(self, node_id: str) -> Node:
        while not is_done(node := await self.node(node_id)):
            await asyncio.sleep(0.1)
        return node

    async def tests(self, job: Node) -> dict[str, Node]:
        return {"/".join(n.path[1:]): n for n in await self._below(job)}

    async def _below(self, node: Node) -> list[Node]:
        nodes = await self._api.find(parent=node.id)
        return nodes + [leaf for child in nodes for leaf in await self._below(child)]


def is_done(node: Node) -> bool:
    return node.state is State.DONE


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    site = Site.open(tmp_path, Path("unused"), Path("unused"))
    stack = Stack(site)
    try:
        await stack.up(["api", "storage"])
        async with connect(site) as (api, _):
            yield World(site, api)
    finally:
        await stack.down()


def sleeping(seconds: int) -> bool:
    """Say whether a job's `sleep` of so many seconds still runs."""
    command = f"sleep\0{seconds}\0".encode()
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            if file.read_bytes() == command:
                return True
    return False


async def test_the_example_runs_jobs_tells_results_and_survives_a_kill(
    world: World, tmp_path: Path
) -> None:
    await world.issue_token()
    await world.start()
    job = await world.done(
        await world.submit(
            {"id": "good", "run": "echo 'ok 1 part'; sleep 6001 >/dev/null &"},
            {"id": "bad", "run": "echo no; exit 3"},
            {"id": "slow", "run": "sleep 6002", "timeout": 0.3},
            {"id": "after", "run": "true"},
        )
    )
    assert job.result is Result.FAIL
    found = await world.tests(job)
    assert {name: str(test.result) for name, test in found.items()} == {
        "good": "pass",
        "good/part": "pass",
        "bad": "fail",
        "slow": "fail",
        "after": "pass",
    }
    assert found["slow"].data.error_msg == "over 0.3 s"
    assert not sleeping(6001)
    assert not sleeping(6002)
    async with httpx.AsyncClient() as http:
        log = await http.get(job.artifacts["log"])
    assert log.text.splitlines() == ["ok 1 part", "no"]

    broken = await world.done(await world.submit({"id": "kills", "run": KILL_SHELL}))
    assert broken.result is Result.INCOMPLETE
    assert broken.data.error_code == ErrorCode.INFRASTRUCTURE

    mark = tmp_path / "mark"
    twice = f"[ -e {mark} ] || {{ touch {mark}; cd /; setsid sleep 6003; }}"
    job_id = await world.submit({"id": "twice", "run": twice, "timeout": 600})
    while not mark.exists() or not sleeping(6003):
        await asyncio.sleep(0.05)
    await world.processes.kill(NAME)
    assert sleeping(6003)
    await world.start()
    assert (await world.done(job_id)).result is Result.PASS
    assert not sleeping(6003)
    assert list(await world.tests(await world.done(job_id))) == ["twice"]


async def test_a_token_that_is_revoked_ends_neither_the_bridge_nor_its_job(
    world: World, tmp_path: Path
) -> None:
    world.environment["KCI_LEASE"] = "60"
    token_id = await world.issue_token()
    await world.start()
    mark = tmp_path / "mark"
    wait = f"while ! [ -e {mark} ]; do sleep 0.1; done"
    job_id = await world.submit({"id": "waits", "run": wait, "timeout": 100})
    while (job := await world.node(job_id)).claim is None:
        await asyncio.sleep(0.1)
    await world.revoke_token(token_id)
    async with httpx.AsyncClient() as http:
        while (answer := await http.get(world.health)).status_code == 200:
            await asyncio.sleep(0.1)
    assert "put a valid token into KCI_TOKEN_FILE" in answer.text
    mark.touch()
    await world.issue_token()
    job = await world.done(job_id)
    assert job.result is Result.PASS
    assert list(await world.tests(job)) == ["waits"]

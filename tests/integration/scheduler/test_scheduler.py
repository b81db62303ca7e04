# SPDX-License-Identifier: LGPL-2.1-or-later
"""Two replicas of the scheduler, which get killed, with a real API and a small lab."""

import asyncio
import random
import socket
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from integration.conftest import OwnApi, Program, Programs
from kci_shared.client import ApiClient
from kci_shared.errors import Conflict
from kci_shared.models import (
    ClaimedNode,
    ClaimRequest,
    Kbuild,
    NewNode,
    Node,
    Outcome,
    Report,
)
from kci_shared.settings import ClientSettings

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

PATIENCE_S = 90
TREES = 6
KILLS = 8
CONFIG = """\
builds:
  debian: {external: true, compiler: gcc-12, arch: {x86_64: cloud}}
  own:
    compiler: [gcc-12, clang-19]
    arch: {x86_64: tinyconfig}
    retry: {infra: 1}
  copy: {compiler: gcc-12, arch: {x86_64: tinyconfig}}
tests:
  boot: {needs: build/debian, retry: {infra: 2}}
  smoke: {needs: boot}
  start: {needs: build/own, retry: {infra: 2}}
  check: {needs: start}
  copied: {needs: [build/copy, build/own]}
platforms: {netboot-x86_64: {arch: x86_64}}
labs: {lab-demo: {type: labgrid, platforms: [netboot-x86_64]}}
"""
BUILD = "build/gcc-12/x86_64/cloud"
GCC, CLANG = (f"build/{name}/x86_64/tinyconfig" for name in ("gcc-12", "clang-19"))
REVISION = {
    "tree": "demo",
    "url": "https://git.example.org/demo.git",
    "branch": "master",
    "commit": "2a987e65025e2b79c6d453b78cb5985ac6e5eb28",
}
JOBS = ClaimRequest(
    runtime="lab-demo", platforms=["netboot-x86_64"], max=10, lease=60, wait=0.2
)
BUILDS = JOBS.model_copy(update={"runtime": "builder", "platforms": ["build"]})


@dataclass
class Site:
    """The API with a client of it, and what starts a scheduler beside it."""

    api: ApiClient
    scheduler: Callable[[], Program]
    config: Path

    @asynccontextmanager
    async def schedulers(self, number: int) -> AsyncIterator[list[Program]]:
        """Run replicas as long as the block lasts."""
        replicas = [self.scheduler() for _ in range(number)]
        try:
            for replica in replicas:
                await replica.start()
            yield replicas
        finally:
            for replica in replicas:
                await replica.kill()

    async def submit(self, **build: Any) -> Node:
        """Hand in a checkout with a build, as an outside CI does."""
        passed = {"state": "available", "result": "pass"}
        root = await self._create(
            kind="checkout",
            name="checkout",
            data={"kernel_revision": REVISION},
            **passed,
        )
        kernel = {"kernel": "https://storage.example.org/kernel"}
        done = {"state": "done", "result": "pass", "artifacts": kernel}
        await self._create(
            kind="kbuild", name=BUILD, parent=root.id, **{**done, **build}
        )
        return root

    async def check_out(self, sources: int) -> Node:
        """Hand in a checkout that is to be built here."""
        url = f"https://storage.example.org/{sources}.tar.gz"
        return await self._create(
            kind="checkout",
            name="checkout",
            data={"kernel_revision": REVISION},
            artifacts={"tarball": url},
            state="available",
            result="pass",
        )

    async def _create(self, **fields: Any) -> Node:
        return await self.api.create(NewNode.model_validate(fields))

    async def tree(self, root: Node) -> list[str]:
        """Return the builds and jobs of a tree as `name#attempt result`."""
        runs = await self.api.find(treeid=root.treeid, kind__in="kbuild,job")
        return sorted(f"{run.name}#{run.retry_counter} {run.result}" for run in runs)

    async def is_closed(self, root: Node) -> bool:
        node = await self.api.get(root.id)
        return node is not None and node.state == "done"


async def until(condition: Callable[[], Awaitable[object]]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not await condition():
            await asyncio.sleep(0.1)


async def answers(url: str) -> bool:
    with suppress(httpx.TransportError):
        async with httpx.AsyncClient(base_url=url) as http:
            return (await http.get("/ready")).is_success
    return False


@pytest.fixture
async def site(
    own_api: OwnApi, programs: Programs, tmp_path: Path
) -> AsyncIterator[Site]:
    token = await own_api.token("scheduler", "nodes:write", "runtime:lab-demo")
    config = tmp_path / "config"
    config.mkdir()
    (config / "all.yaml").write_text(CONFIG)
    environment = {
        "KCI_API_URL": own_api.url,
        "KCI_TOKEN_FILE": str(token),
        "KCI_REDIS_URL": own_api.settings["KCI_REDIS_URL"],
        "KCI_SWEEP_EVERY": "0.5",
        "KCI_CONFIG": str(config),
        "KCI_CONFIG_EVERY": "0.2",
    }
    settings = ClientSettings(api_url=own_api.url, token_file=token)
    async with ApiClient.connect(settings) as api:
        yield Site(api, lambda: programs("kci-scheduler", dict(environment)), config)


class Lab:
    """Builds and runs everything at once; the first attempts of some are spoiled."""

    def __init__(self, api: ApiClient) -> None:
        self._api = api
        self.runs: Counter[str] = Counter()

    async def work(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            for request in (JOBS, BUILDS):
                for claimed in await self._api.claim(request):
                    node = claimed.node
                    self.runs[node.idempotency_key or ""] += 1
                    kernel = f"https://storage.example.org/{node.id}"
                    report = Report(
                        token=claimed.claim.token,
                        outcome=self._outcome(node),
                        artifacts={"kernel": kernel} if node.kind == "kbuild" else {},
                    )
                    with suppress(Conflict):
                        await self._api.report(node.id, report)

    def _outcome(self, node: Node) -> Outcome:
        spoiled = {"boot": 2, "start": 1, CLANG: 1}.get(node.name, 0)
        if node.retry_counter < spoiled:
            code = "Infrastructure"
            return Outcome.model_validate({"result": "incomplete", "error_code": code})
        return Outcome.model_validate({"result": "pass"})


OUTSIDE = [
    *("boot#0 incomplete", "boot#1 incomplete", "boot#2 pass"),
    *(f"{BUILD}#0 pass", "smoke#0 pass"),
]
AFTER_BUILDS = [
    *("check#0 pass", "check#0 pass", "copied#0 pass"),
    *("start#0 incomplete", "start#0 incomplete", "start#1 pass", "start#1 pass"),
]
BUILT_HERE = sorted(
    [f"{GCC}#0 pass", f"{CLANG}#0 incomplete", f"{CLANG}#1 pass", *AFTER_BUILDS]
)
BUILT_THERE = sorted([f"{GCC}#0 pass", f"{CLANG}#0 pass", *AFTER_BUILDS])


async def test_no_job_is_missing_and_none_is_double_when_schedulers_are_killed(
    site: Site,
) -> None:
    lab, stop = Lab(site.api), asyncio.Event()
    dice = random.Random(1)  # noqa: S311 - no secret
    outside, here = [], []
    async with site.schedulers(2) as replicas, asyncio.TaskGroup() as tasks:
        tasks.create_task(lab.work(stop))
        for number in range(KILLS):
            if number < TREES:
                outside.append(await site.submit())
                here.append(await site.check_out(sources=number // 2))
            await asyncio.sleep(dice.uniform(0.2, 0.8))
            victim = dice.choice(replicas)
            await victim.kill()
            await victim.start()
        for root in [*outside, *here]:
            await until(partial(site.is_closed, root))
        stop.set()
    for root in outside:
        assert await site.tree(root) == OUTSIDE
    # of two checkouts of the same sources one has each build made, one gets it
    trees = [await site.tree(root) for root in here]
    for pair in zip(trees[::2], trees[1::2], strict=True):
        both = sorted([*pair[0], *pair[1]])
        assert both == sorted([*BUILT_HERE, *BUILT_THERE])
    assert set(lab.runs.values()) == {1}
    builds = [key for key in lab.runs if key.startswith("build/")]
    assert len(builds) == TREES // 2 * 3


async def test_a_new_configuration_is_used_at_once_and_a_wrong_one_never(
    site: Site,
) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    program = site.scheduler()
    program.environment["KCI_HEALTH_PORT"] = str(port)
    url = f"http://127.0.0.1:{port}"
    file = site.config / "all.yaml"
    await program.start()
    try:
        await until(lambda: answers(url))
        file.write_text(CONFIG.replace("needs: boot}", "needs: boots}"))
        await until(lambda: says(url, "/ready", "did you mean 'boot'?"))
        assert await says(url, "/metrics", "kci_config_right 0.0")
        old = await site.check_out(sources=1)
        await until(lambda: site.tree(old))
        assert await site.tree(old) == [f"{CLANG}#0 None", f"{GCC}#0 None"]

        file.write_text(CONFIG.replace("[gcc-12, clang-19]", "gcc-13"))
        await until(lambda: says(url, "/ready", '{"ready":true}'))
        new = await site.check_out(sources=2)
        await until(lambda: site.tree(new))
        assert len(await site.tree(new)) == 2
        assert "build/gcc-13/x86_64/tinyconfig#0 None" in await site.tree(new)
    finally:
        await program.kill()


async def says(url: str, path: str, text: str) -> bool:
    async with httpx.AsyncClient(base_url=url) as http:
        return text in (await http.get(path)).text


async def claim_when_free(site: Site, request: ClaimRequest) -> ClaimedNode:
    """Claim a node as soon as there is one, such as when a lease has run out."""
    while not (claimed := await site.api.claim(request)):
        await asyncio.sleep(0.05)
    return claimed[0]


async def test_what_is_overdue_and_what_is_lost_is_ended(site: Site) -> None:
    past = (datetime.now(UTC) - timedelta(seconds=1)).isoformat()
    late = await site.submit(state="running", result=None, timeout=past)
    async with site.schedulers(2):
        await until(lambda: site.is_closed(late))
        [build] = await site.api.find(treeid=late.treeid, kind="kbuild")
        ended = (build.result, build.data.error_code)
        assert ended == ("incomplete", "node_timeout")

        lost = await site.submit()
        careless = JOBS.model_copy(update={"lease": 0.2, "wait": 0})
        for _ in range(3):
            claimed = await claim_when_free(site, careless)
        await until(lambda: has_second_attempt(site, lost))

        endless = await site.check_out(sources=1)
        await until(lambda: site.tree(endless))
        [hung, *_] = await site.api.claim(BUILDS)
        assert isinstance(hung.node, Kbuild)
        assert hung.node.data.run_timeout == 3600 + 1800
    first = await site.api.get(claimed.node.id)
    assert first is not None
    assert (first.state, first.result) == ("done", "incomplete")
    assert first.data.error_code == "Infrastructure"
    assert first.data.error_msg == "lost by its bridge 3 times"


async def has_second_attempt(site: Site, root: Node) -> bool:
    jobs = [run for run in await site.tree(root) if run.startswith("boot")]
    return jobs == ["boot#0 incomplete", "boot#1 None"]

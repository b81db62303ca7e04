# SPDX-License-Identifier: LGPL-2.1-or-later
"""The service as a process, with a real API and storage: killed, stopped, bereft."""

import asyncio
import itertools
import os
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

from integration.conftest import Serving
from integration.reported import Reported
from kci_fakes.lab.images import Images
from kci_local.clients import connect
from kci_local.parts import api_part
from kci_local.processes import Process
from kci_local.site import Site
from kci_local.stack import Stack
from kci_shared.client import ApiClient
from kci_shared.models import Job, Kind, NewNode, Result, State, Test

pytestmark = [pytest.mark.integration, pytest.mark.timeout(400)]

NAME = "local-bridge"
RUNTIME = "lab-local"
UNAME = {"id": "uname", "run": "uname -r"}
NUMBERS = itertools.count(1)


class World(Reported):
    """An API with a storage, and one bridge to start and to stop."""

    def __init__(self, site: Site, api: ApiClient, artifacts: dict[str, str]) -> None:
        super().__init__(api)
        self.site = site
        self.processes = Stack(site).processes
        self.artifacts = artifacts

    def bridge(self, lease: str = "6") -> Process:
        return Process(
            NAME,
            [str(Path(sys.executable).with_name("kci-local-bridge"))],
            env={
                "KCI_API_URL": self.site.url("api"),
                "KCI_STORAGE_URL": self.site.url("storage"),
                "KCI_TOKEN_FILE": str(self.site.secrets.path(f"{NAME}.token")),
                "KCI_CACHE": str(self.site.folder("cache")),
                "KCI_HEALTH_PORT": str(self.site.ports[f"{NAME} health"]),
                "KCI_LEASE": lease,
                "KCI_DRAIN": "0",
            },
            health=f"http://127.0.0.1:{self.site.ports[f'{NAME} health']}/ready",
        )

    async def start(self, lease: str = "6") -> None:
        part = self.bridge(lease)
        await self.processes.start(part)
        await self.processes.until_ready(part)

    async def submit(self, *tests: dict[str, str]) -> str:
        definition = {"artifacts": self.artifacts, "tests": tests, "timeout": 300}
        facts = {"runtime": RUNTIME, "platform": "qemu-x86_64", "arch": "x86_64"}
        node = NewNode(
            kind=Kind.JOB,
            name="smoke",
            data={**facts, "definition": definition},
            idempotency_key=f"job/{next(NUMBERS)}",
        )
        return (await self.api.create(node)).id

    async def runtimes(self) -> list[dict[str, object]]:
        async with httpx.AsyncClient() as http:
            answer = await http.get(f"{self.site.url('api')}/latest/runtimes")
        return list(answer.raise_for_status().json())

    async def job(self, node_id: str) -> Job:
        node = await self.api.get(node_id)
        assert isinstance(node, Job)
        return node

    async def machine(self) -> int:
        """Return the pid of a QEMU that has begun to boot."""
        runs = self.site.folder("cache") / "runs" / RUNTIME
        while True:
            for log in runs.glob("*/*/console.log"):
                if b"Linux version" in log.read_bytes():
                    return int(log.with_name("qemu.pid").read_text())
            await asyncio.sleep(0.1)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, serving: Serving) -> Iterator[Site]:
    state = tmp_path_factory.mktemp("state")
    with serving(Site.open(state, Path("unused"), Path("unused"))) as site:
        token = site.secrets.path("admin.token").read_text()
        made = httpx.post(
            f"{site.url('api')}/latest/tokens",
            headers={"Authorization": f"Bearer {token}"},
            json={"name": NAME, "scopes": [f"runtime:{RUNTIME}"], "expires_in": 3600},
        )
        site.secrets.write(f"{NAME}.token", made.raise_for_status().json()["token"])
        yield site


@pytest.fixture
async def world(site: Site, images: Images) -> AsyncIterator[World]:
    async with connect(site) as (api, storage):
        files = {"kernel": images.kernel, "ramdisk": images.ramdisk}
        urls = {name: await storage.put_file(file) for name, file in files.items()}
        world = World(site, api, urls)
        yield world
        await world.processes.stop(NAME)


async def test_a_bridge_tells_what_it_has_and_that_it_leaves(world: World) -> None:
    await world.start()
    while not (runtimes := await world.runtimes()):
        await asyncio.sleep(0.1)
    [runtime] = runtimes
    assert (runtime["name"], runtime["kind"]) == (RUNTIME, "local")
    assert (runtime["online"], runtime["message"]) == (True, "")
    assert runtime["platforms"] == {"qemu-x86_64": 2}
    assert "lab_answered" in str(runtime["facts"])
    await world.processes.stop(NAME)
    [gone] = await world.runtimes()
    assert gone["online"] is False
    assert gone["message"] == "the bridge stops: it takes no new jobs"


async def test_a_check_tries_all_that_a_bridge_needs(world: World) -> None:
    part = world.bridge()
    good, bad, forged = await asyncio.gather(
        checked(part, images=[*world.artifacts.values()]),
        checked(part, KCI_RUNTIME="lab-other", KCI_QEMU="no-such-program"),
        checked(part, KCI_TOKEN="no.good", KCI_TOKEN_FILE=None),
    )
    for what in ("API", "token", "storage", "cache", "QEMU", "qemu-x86_64"):
        assert f"ok {what}" in good[1]
    assert "ok job booted and answered on qemu-" in good[1]
    assert "runtime:lab-other is missing" in bad[1]
    assert "kci-api token create lab-other --scope runtime:lab-other" in bad[1]
    assert "wrong QEMU" in bad[1]
    assert "wrong token" in forged[1]
    assert "no.good" not in forged[1]
    assert (good[0], bad[0], forged[0]) == (0, 1, 1)


async def checked(
    part: Process, images: list[str] | None = None, **changes: str | None
) -> tuple[int | None, str]:
    """Run a bridge's check; return its exit status, and its output in one line."""
    environment = {"COLUMNS": "300", **os.environ, **part.env, **changes}
    process = await asyncio.create_subprocess_exec(
        part.command[0],
        "--check",
        *(["--job", *images] if images else []),
        env={name: value for name, value in environment.items() if value is not None},
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate()
    return process.returncode, " ".join(output.decode().split())


async def test_a_job_goes_to_a_real_kernel_and_its_results_come_back(
    world: World, images: Images
) -> None:
    await world.start()
    job_id = await world.submit(UNAME, {"id": "no", "run": "false"})
    await world.done(job_id)
    job = await world.job(job_id)
    assert (job.result, job.claim) == (Result.FAIL, None)
    assert job.data.job_id == f"qemu-{job.id}"
    assert job.data.progress == "testing"
    tests = {test.name: test for test in await world.api.find(parent=job.id)}
    assert {name: test.result for name, test in tests.items()} == {
        "uname": Result.PASS,
        "no": Result.FAIL,
    }
    no = tests["no"]
    assert isinstance(no, Test)
    assert (no.path, no.data.platform) == (["smoke", "no"], "qemu-x86_64")
    async with httpx.AsyncClient() as http:
        log = await http.get(job.artifacts["log"])
    assert job.artifacts["log"].endswith("/console.log")
    assert f"Linux version {images.release}" in log.text


async def test_a_bridge_killed_in_mid_boot_leaves_no_machine_and_loses_no_job(
    world: World,
) -> None:
    await world.start()
    job_id = await world.submit(UNAME)
    machine = Path("/proc") / str(await world.machine())
    await world.processes.kill(NAME)
    assert machine.exists()
    await world.start()
    assert (await world.done(job_id)).result is Result.PASS
    assert not machine.exists() or "State:\tZ" in (machine / "status").read_text()
    assert await world.api.count(parent=job_id) == 1


async def test_a_cancelled_job_frees_its_machine_within_seconds(world: World) -> None:
    await world.start(lease="600")
    job_id = await world.submit(UNAME)
    machine = Path("/proc") / str(await world.machine())
    await world.api.update(
        job_id, state="done", result="incomplete", data={"error_code": "Canceled"}
    )
    async with asyncio.timeout(60):
        while machine.exists():
            await asyncio.sleep(0.1)
    assert await world.api.count(parent=job_id) == 0


async def test_a_stopped_bridge_gives_its_job_back_at_once(world: World) -> None:
    await world.start()
    job_id = await world.submit(UNAME)
    machine = Path("/proc") / str(await world.machine())
    assert (await world.job(job_id)).data.progress == "booting"
    await world.processes.stop(NAME)
    job = await world.job(job_id)
    assert (job.state, job.claim) == (State.RUNNING, None)
    assert not machine.exists()
    await world.start()
    assert (await world.done(job_id)).result is Result.PASS


async def test_an_api_that_is_killed_and_comes_back_costs_nothing(world: World) -> None:
    await world.start()
    job_id = await world.submit(UNAME)
    await world.machine()
    await world.processes.kill("api")
    await asyncio.sleep(3)  # a heartbeat is missed meanwhile
    await world.processes.start(api_part(world.site))
    await world.processes.until_ready(api_part(world.site))
    assert (await world.done(job_id)).result is Result.PASS
    assert await world.api.count(parent=job_id) == 1

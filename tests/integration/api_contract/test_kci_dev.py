# SPDX-License-Identifier: LGPL-2.1-or-later
"""kci-dev from PyPI works with this API as with KernelCI's."""

import asyncio
import json
import os
import re
import shutil
import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import uvicorn
from httpx import AsyncClient
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from integration.answers import Json
from integration.api_contract.conftest import Site
from kci_shared.server import QuietServer

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

KCI_DEV = "kci-dev==0.1.12"
PROJECT = Path(__file__).parents[3]
COMMIT = "2a987e65025e2b79c6d453b78cb5985ac6e5eb28"
GIT = "https://git.kernel.org/x.git"


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """kci-dev, in an environment of its own: its requirements conflict with ours."""
    place = tmp_path_factory.mktemp("environment")
    uv = os.environ.get("UV") or shutil.which("uv") or str(PROJECT / ".tools/bin/uv")
    subprocess.run([uv, "venv", "--quiet", place], check=True)
    install = ["pip", "install", "--quiet", "--python", str(place), KCI_DEV]
    subprocess.run([uv, *install], check=True)
    return place / "bin/kci-dev"


@dataclass(frozen=True)
class Output:
    """The output of a command, and its exit status."""

    text: str
    code: int | None

    def json(self) -> Any:
        assert self.code == 0, self.text
        return json.loads(self.text)


@dataclass(frozen=True)
class KciDev:
    """The program, with settings for this API."""

    program: Path
    settings: Path
    ids: dict[str, str]
    requests: list[tuple[str, Json, str]]
    """Requests to the pipeline: path, body, login."""

    async def __call__(self, *arguments: str) -> Output:
        process = await asyncio.create_subprocess_exec(
            self.program,
            "--settings",
            str(self.settings),
            "--instance",
            "local",
            *arguments,
            cwd=self.settings.parent,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        printed, _ = await process.communicate()
        plain = re.sub(r"\x1b\[[0-9;]*m", "", printed.decode())
        return Output(plain, process.returncode)

    async def results(self, *arguments: str) -> Output:
        return await self("maestro", "results", *arguments)

    async def names(self, *arguments: str) -> list[str]:
        nodes = (await self.results("--nodes", *arguments, "--field", "name")).json()
        return [node["name"] for node in nodes]


async def grow(by: AsyncClient) -> dict[str, str]:
    """Post the tree of the transcript; return the ids by name."""
    revision = {"tree": "chromiumos", "url": GIT, "branch": "master", "commit": COMMIT}
    ids: dict[str, str] = {}

    async def post(kind: str, name: str, parent: str | None, **fields: Any) -> None:
        body = {
            "kind": kind,
            "name": name,
            "state": "done",
            "result": "pass",
            **({"parent": ids[parent]} if parent else {"treeid": "treeid-1"}),
            **fields,
        }
        answer = await by.post("/node", json=body)
        assert answer.status_code == 200, answer.text
        ids[name] = answer.json()["id"]

    build, job, coverage = "kbuild-gcc-12-x86", "baseline-x86", "coverage-report-x86"
    await post("checkout", "checkout", None, data={"kernel_revision": revision})
    await post("kbuild", build, "checkout")
    await post("job", job, build, group=job)
    await post("test", "login", job)
    await post("test", "crit", job, result="fail")
    report = {"coverage_report": "http://s/cov.html", "log": "http://s/cov.log"}
    await post("process", coverage, build, artifacts=report)
    for name, share in (("functions", 31.5), ("lines", 27.1)):
        data = {"misc": {"measurement": share}}
        await post("test", f"coverage.{name}", coverage, data=data)
    return ids


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def kci_dev(
    site: Site,
    admin: AsyncClient,
    program: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[KciDev]:
    ids = await grow(admin)
    requests: list[tuple[str, Json, str]] = []

    async def pipeline(request: Request) -> JSONResponse:
        login = request.headers["authorization"]
        requests.append((request.url.path, await request.json(), login))
        node = {"id": ids["checkout"], "treeid": "treeid-1"}
        return JSONResponse({"message": "OK", "node": node})

    app = Starlette(routes=[Route("/api/{what}", pipeline, methods=["POST"])])
    config = uvicorn.Config(app, port=0, log_config=None, access_log=False)
    server = QuietServer(config)
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    token = admin.headers["authorization"].removeprefix("Bearer ")
    settings = tmp_path_factory.mktemp("kci-dev") / "kci-dev.toml"
    settings.write_text(
        'default_instance="local"\n[local]\n'
        f'pipeline="http://127.0.0.1:{port}/"\n'
        f'api="{site.replicas[0].url}/"\ntoken="{token}"\n'
    )
    yield KciDev(program, settings, ids, requests)
    server.should_exit = True
    await task


async def test_a_node_by_its_id(kci_dev: KciDev) -> None:
    node_id = kci_dev.ids["checkout"]
    fields = [f"--field={name}" for name in ("id", "name", "state", "treeid")]
    output = await kci_dev.results("--nodeid", node_id, *fields)
    expected = {
        "id": node_id,
        "name": "checkout",
        "state": "done",
        "treeid": "treeid-1",
    }
    assert output.json() == [expected]


async def test_the_first_nodes_come_first(kci_dev: KciDev) -> None:
    fields = ("--field", "name", "--field", "result")
    nodes = (await kci_dev.results("--nodes", "--limit", "3", *fields)).json()
    names = ["checkout", "kbuild-gcc-12-x86", "baseline-x86"]
    assert nodes == [{"name": name, "result": "pass"} for name in names]
    counted = await kci_dev.results("--nodes", "--count")
    assert (counted.text.strip(), counted.code) == ("8", 0)


async def test_filters_reach_us_as_they_are(kci_dev: KciDev) -> None:
    expected = (
        "--tree",
        "chromiumos",
        "--start-date",
        "2026-01-01",
        "--filter",
        "kind=test",
        "--filter",
        "result=fail",
    )
    assert await kci_dev.names(*expected) == ["crit"]
    assert await kci_dev.names("--no-paginate", "--filter", "name__re=^cov") == [
        "coverage-report-x86",
        "coverage.functions",
        "coverage.lines",
    ]


async def test_errors_have_the_messages_that_it_knows(kci_dev: KciDev) -> None:
    bad_time = await kci_dev.results("--nodes", "--filter", "created__gt=bogus")
    assert "API response error code: 400" in bad_time.text
    assert "{'detail': \"Invalid isoformat string: 'bogus'\"}" in bad_time.text
    assert bad_time.code == 2
    missing = await kci_dev.results("--nodeid", "65265305c74695807499037f")
    assert "Node 65265305c74695807499037f not found" in missing.text
    assert missing.code == 1
    bad_id = await kci_dev.results("--nodeid", "zzz")
    assert "'zzz' is not a valid ObjectId" in bad_id.text
    assert bad_id.code == 2


async def test_coverage(kci_dev: KciDev) -> None:
    output = await kci_dev("maestro", "coverage", "--branch", "master")
    assert output.code == 0, output.text
    for line in (
        "- Tree/branch: chromiumos/master",
        "Function coverage: 31.5%",
        "Line coverage: 27.1%",
        "Coverage report: http://s/cov.html",
    ):
        assert line in output.text


@pytest.mark.parametrize(("test", "code"), [("login", 0), ("crit", 1)])
async def test_watching(kci_dev: KciDev, test: str, code: int) -> None:
    output = await kci_dev(
        "watch",
        "--nodeid",
        kci_dev.ids["checkout"],
        "--job-filter",
        "baseline-x86",
        "--test",
        test,
    )
    assert re.search(r"PASS\s+branch checkout", output.text), output.text
    assert re.search(r"PASS\s+job: baseline-x86", output.text), output.text
    assert output.code == code


async def test_asking_for_a_checkout_and_watching_it(kci_dev: KciDev) -> None:
    output = await kci_dev(
        "checkout",
        "--giturl",
        GIT,
        "--branch",
        "master",
        "--commit",
        COMMIT,
        "--job-filter",
        "baseline-x86",
        "--platform-filter",
        "qemu-x86",
        "--watch",
        "--test",
        "login",
    )
    assert output.code == 0, output.text
    for line in ("OK", "treeid: treeid-1", "checkout_nodeid: ", "Watching for jobs"):
        assert line in output.text
    assert "PASS" in output.text
    path, body, _ = kci_dev.requests[-1]
    assert path == "/api/checkout"
    assert body["jobfilter"] == ["baseline-x86"]


async def test_trying_again_and_patching(kci_dev: KciDev) -> None:
    job = kci_dev.ids["baseline-x86"]
    again = await kci_dev("testretry", "--nodeid", job)
    assert (again.code, "OK" in again.text) == (0, True), again.text
    assert kci_dev.requests[-1][:2] == ("/api/jobretry", {"nodeid": job})
    patch = kci_dev.settings.with_name("p.patch")
    patch.write_text("--- a/x\n+++ b/x\n@@ -1 +1 @@\n-x\n+y\n")
    output = await kci_dev(
        "patchset",
        "--nodeid",
        kci_dev.ids["checkout"],
        "--patch",
        str(patch),
        "--job-filter",
        "baseline-x86",
    )
    assert output.code == 0, output.text
    for line in ("OK", "treeid: treeid-1", "patchset_nodeid: "):
        assert line in output.text

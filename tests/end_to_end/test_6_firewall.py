# SPDX-License-Identifier: LGPL-2.1-or-later
"""A lab behind a firewall: its bridge reaches the API and the storage, nothing else."""

import asyncio
import json
import shlex
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from end_to_end.conftest import World
from kci_fakes.firewall import NAMESPACE, firewall
from kci_fakes.lab.images import make_images
from kci_local.parts import service_part
from kci_local.site import Site
from kci_shared.client import ApiClient
from kci_shared.models import Kind, NewNode, Node, Result, State
from kci_shared.storage import Storage, StorageSettings

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(600)]

ELSEWHERE = "192.0.2.1"
"""An address outside (RFC 5737)."""
PROBE = """
import errno, json, socket, sys
def probe(host, port):
    try:
        socket.create_connection((host, int(port)), 5).close()
    except OSError as error:
        return errno.errorcode[error.errno]
    return "open"
print(json.dumps({to: probe(*to.split(":")) for to in sys.argv[1:]}))
"""


@pytest.fixture(scope="module", autouse=True)
def need_namespaces() -> None:
    tried = subprocess.run([*NAMESPACE, "true"], capture_output=True, text=True)
    if tried.returncode:
        pytest.skip(f"no network namespaces here: {tried.stderr.strip()}")


async def test_a_bridge_without_a_route_to_redis_and_mongodb_delivers(
    site: Site, world: World, tmp_path: Path
) -> None:
    near, far = ["api", "storage"], ["redis", "mongo"]
    seen = tmp_path / "seen.json"
    async with bridge_behind_firewall(site, near, [*near, *far], tmp_path):
        job = await done(world.api, await submit(site, world.api))
    assert job.result is Result.PASS, job.data.error_msg
    assert [test.name for test in await world.api.find(parent=job.id)] == ["uname"]
    async with httpx.AsyncClient(trust_env=False) as http:
        assert "Linux version" in (await http.get(job.artifacts["log"])).text
    for name in [*near, *far]:
        socket.create_connection(("127.0.0.1", site.ports[name]), 5).close()
    assert json.loads(seen.read_text()) == {
        **{site.address(name): "open" for name in near},
        **{site.address(name): "ECONNREFUSED" for name in far},
        f"{ELSEWHERE}:443": "ENETUNREACH",
    }


@asynccontextmanager
async def bridge_behind_firewall(
    site: Site, near: list[str], looked_at: list[str], folder: Path
) -> AsyncIterator[None]:
    """Run the local bridge behind a firewall; note which addresses it can reach."""
    part = service_part(site, "local-bridge")
    env = {k: v for k, v in part.env.items() if k != "KCI_REDIS_URL"}
    addresses = [*map(site.address, looked_at), f"{ELSEWHERE}:443"]
    look = shlex.join([sys.executable, "-c", PROBE, *addresses])
    script = f"{look} >{folder}/seen.json && exec {shlex.join(part.command)}"
    sockets = folder / "sockets"
    sockets.mkdir()
    async with firewall([site.ports[name] for name in near], sockets) as behind:
        with (folder / "bridge.log").open("wb") as log:
            bridge = await asyncio.create_subprocess_exec(
                *behind, "sh", "-c", script, env=env, cwd=folder, stdout=log, stderr=log
            )
        try:
            yield
        finally:
            bridge.kill()
            await bridge.wait()


async def submit(site: Site, api: ApiClient) -> str:
    """Ask the lab for a boot of a real kernel; return the job's node."""
    images = await asyncio.to_thread(make_images, site.cache)
    settings = StorageSettings(
        api_url=site.url("api"),
        storage_url=site.url("storage"),
        token_file=site.secrets.path("outside.token"),
    )
    async with Storage.connect(settings) as storage:
        artifacts = {
            "kernel": await storage.put_file(images.kernel),
            "ramdisk": await storage.put_file(images.ramdisk),
        }
    tests = [{"id": "uname", "run": "uname -r"}]
    definition = {"artifacts": artifacts, "tests": tests, "timeout": 300}
    facts = {"runtime": "lab-local", "platform": "qemu-x86_64"}
    data = {**facts, "definition": definition}
    return (await api.create(NewNode(kind=Kind.JOB, name="firewall", data=data))).id


async def done(api: ApiClient, node_id: str) -> Node:
    """Wait until a node is done."""
    while (node := await api.get(node_id)) is None or node.state is not State.DONE:
        await asyncio.sleep(0.3)
    return node

# SPDX-License-Identifier: LGPL-2.1-or-later
"""The KCIDB bridge with a real Redis and a receiver that fails at times."""

import asyncio
import json
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from jose import jwt
from redis.asyncio import Redis
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from integration.wall import Wall, served
from kci_fakes.kcidb_receiver import Receiver
from kci_fakes.kcidb_spool import Spool, schema_validator
from kci_kcidb_bridge.__main__ import main
from kci_kcidb_bridge.settings import Settings
from kci_shared.channels.openings import Openings, collected

pytestmark = pytest.mark.integration

SECRET = "for this test"
WAIT_S = 30.0
TIME = "2026-11-22T12:00:00.000+00:00"
STORAGE = "http://127.0.0.1:8002"
FINDING = {
    "kind": "panic",
    "severity": "fault",
    "headline": "Kernel panic - not syncing: No working init found.",
    "line": 99,
    "signature": "5f0c9d27a1b3",
}
REVISION = {
    "tree": "mainline",
    "url": "https://git.kernel.org/linux.git",
    "branch": "master",
    "commit": "2a987e65025e2b79c6d453b78cb5985ac6e5eb28",
}


def a_node(number: int, kind: str, path: str, parent: int | None) -> dict[str, Any]:
    return {
        "id": f"{number:024x}",
        "kind": kind,
        "name": path.split("/")[-1],
        "path": path.split("/"),
        "parent": None if parent is None else f"{parent:024x}",
        "state": "done",
        "result": "pass",
        "owner": "lab",
        "created": TIME,
        "updated": TIME,
        "data": {},
    }


class Api:
    """The routes of the API that the bridge uses; its sweep finds nothing."""

    def __init__(self) -> None:
        nodes = [
            a_node(0, "checkout", "checkout", None),
            a_node(1, "kbuild", "checkout/build", 0),
            a_node(2, "job", "checkout/build/boot", 1),
            a_node(3, "job", "checkout/build/boot/smoke", 2),
            a_node(4, "test", "checkout/build/boot/smoke/uname", 3),
            a_node(5, "process", "checkout/mail", 0),
        ]
        nodes[0]["data"] = {"kernel_revision": REVISION}
        nodes[2] |= {"result": "fail", "data": {"findings": [FINDING]}}
        nodes[2]["artifacts"] = {"log": f"{STORAGE}/aa/console.log"}
        self.nodes = {node["id"]: node for node in nodes}

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/latest/node/{node_id}", self._get),
                Route("/latest/node/{node_id}", self._patch, methods=["PATCH"]),
                Route("/latest/nodes/fast", self._find),
            ]
        )

    async def _get(self, request: Request) -> Response:
        return JSONResponse(self.nodes.get(request.path_params["node_id"]))

    async def _patch(self, request: Request) -> Response:
        node = self.nodes[request.path_params["node_id"]]
        artifacts = (await request.json())["artifacts"]
        node["artifacts"] = {**node.get("artifacts", {}), **artifacts}
        return JSONResponse(node)

    async def _find(self, request: Request) -> Response:
        query = request.query_params
        if "parent__in" not in query:
            return JSONResponse([])
        parents = query["parent__in"].split(",")
        items = [
            node
            for node in self.nodes.values()
            if node["parent"] in parents and node["kind"] == query["kind"]
        ]
        return JSONResponse(items if query["offset"] == "0" else [])


@dataclass
class World:
    """API, receiver and Redis, and the bridge's settings."""

    api: Api
    receiver: Receiver
    folder: Path
    redis: Redis
    wall: Wall
    """In front of the receiver."""
    openings: Openings
    """The channels of the bridge."""
    fields: dict[str, str]
    """The bridge's settings."""
    published: int = 0
    """Position of the last event."""

    @property
    def settings(self) -> Settings:
        return Settings.model_validate(self.fields)

    async def publish(self) -> None:
        """Publish an event of each node, as the relay of the API does."""
        for node in self.api.nodes.values():
            self.published += 1
            position = self.published
            change = {key: node[key] for key in ("id", "kind", "name", "state")}
            event = {"id": f"{node['id']}-1", "time": TIME, "_sequence_id": position}
            body = json.dumps({**event, "data": {"op": "updated", **change}})
            await self.redis.xadd("node", {"event": body}, id=f"{position}-0")

    def reports(self) -> list[dict[str, Any]]:
        files = (self.folder / "archive").glob("*.json")
        return [json.loads(path.read_bytes()) for path in files]

    def rows(self) -> dict[str, set[str]]:
        """Return the different texts of each row that KCIDB has, by list and id."""
        rows: dict[str, set[str]] = {}
        for report in self.reports():
            for name in set(report) - {"version"}:
                for row in report[name]:
                    text = json.dumps(row, sort_keys=True)
                    rows.setdefault(f"{name} {row['id']}", set()).add(text)
        return rows


@pytest.fixture
async def world(redis_url: str, tmp_path: Path) -> AsyncIterator[World]:
    api = Api()
    receiver = Receiver(Spool(tmp_path, schema_validator()), SECRET, [])
    wall = Wall(receiver.app())
    claims = {"origin": "demo", "exp": int(time.time()) + 600}
    async with (
        served(api.app()) as api_url,
        served(wall) as kcidb_url,
        Redis.from_url(redis_url) as redis,
    ):
        fields = {
            "api_url": api_url,
            "token": "any",
            "redis_url": redis_url,
            "kcidb_url": kcidb_url,
            "kcidb_token": jwt.encode(claims, SECRET, algorithm="HS256"),
            "origin": "demo",
        }
        with collected() as openings:
            yield World(api, receiver, tmp_path, redis, wall, openings, fields)


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[None]:
    """Run the bridge while the context is open, then stop it as a signal does."""
    stop = asyncio.Event()
    task = asyncio.create_task(main(settings, stop))
    try:
        yield
    finally:
        stop.set()
        await asyncio.wait_for(task, 60)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(WAIT_S):
        while not holds():
            await asyncio.sleep(0.05)


def complete(world: World) -> bool:
    rows = world.rows()
    lists = Counter(name.split()[0] for name in rows)
    return lists == {
        "builds": 1,
        "checkouts": 1,
        "incidents": 1,
        "issues": 1,
        "tests": 3,
    }


def each_row_has_one_text(world: World) -> bool:
    return all(len(texts) == 1 for texts in world.rows().values())


async def test_a_tree_is_submitted_with_its_panic(world: World) -> None:
    async with running(world.settings):
        await world.publish()
        await until(lambda: complete(world))
    statuses = {
        row["path"]: row["status"]
        for report in world.reports()
        for row in report.get("tests", [])
    }
    assert statuses == {"boot": "FAIL", "smoke": "PASS", "smoke.uname": "PASS"}
    assert list((world.folder / "failed").iterdir()) == []


async def test_nothing_is_lost_when_kcidb_fails_or_drops_connections(
    world: World,
) -> None:
    world.receiver.faults.extend(["502", "502", "502", "cut", "ok", "cut", "502"])
    async with running(world.settings):
        await world.publish()
        await until(lambda: complete(world) and not world.receiver.faults)
    assert each_row_has_one_text(world)


async def test_repeated_events_and_two_replicas_change_no_row(world: World) -> None:
    await world.publish()
    await world.publish()
    async with running(world.settings), running(world.settings):
        await until(lambda: complete(world))
    assert each_row_has_one_text(world)


async def test_a_job_waits_until_its_log_is_parsed(world: World) -> None:
    boot = world.api.nodes[f"{2:024x}"]
    data, boot["data"] = boot["data"], {}
    async with running(world.settings):
        await world.publish()
        await until(lambda: "tests demo:" + f"{3:024x}" in world.rows())
        assert "tests demo:" + f"{2:024x}" not in world.rows()
        boot["data"] = data
        await world.publish()
        await until(lambda: complete(world))
    assert each_row_has_one_text(world)


@pytest.mark.parametrize("status", [401, 403, 302, 404, 200])
async def test_events_wait_while_kcidb_cannot_be_used(
    world: World, status: int
) -> None:
    world.wall.page = HTMLResponse("<html>Welcome to our hotel</html>", status)
    async with running(world.settings):
        await world.publish()
        await until(lambda: world.wall.hits > 0)
        await until(lambda: bool(world.openings.problems()))
        hits = world.wall.hits
        [problem] = world.openings.problems().values()
        assert "KCI_KCIDB_" in problem
        world.wall.page = None
        await until(lambda: complete(world))
    assert hits < 10
    assert await world.redis.xlen("dead:kcidb-bridge") == 0
    assert each_row_has_one_text(world)


async def test_events_wait_for_a_token_that_kcidb_accepts(
    world: World, tmp_path: Path
) -> None:
    file = tmp_path / "token"
    file.write_text("not.a.token")
    good = world.fields.pop("kcidb_token")
    world.fields["kcidb_token_file"] = str(file)
    async with running(world.settings):
        await world.publish()
        await until(lambda: bool(world.openings.problems()))
        assert world.rows() == {}
        file.write_text(good)
        await until(lambda: complete(world))
    assert await world.redis.xlen("dead:kcidb-bridge") == 0


def test_the_receiver_runs_alone(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "kci_fakes.kcidb_receiver", "--validate"]
    command += ["--port", str(port), "--dir", str(tmp_path)]
    process = subprocess.Popen(command, env={"KCIDB_JWT_SECRET": SECRET})
    deadline = time.monotonic() + WAIT_S
    try:
        while not answers(f"http://127.0.0.1:{port}/health"):
            assert time.monotonic() < deadline
            time.sleep(0.1)
    finally:
        process.terminate()
        process.wait(10)


def answers(url: str) -> bool:
    try:
        return httpx.get(url).text == "OK"
    except httpx.ConnectError:
        return False

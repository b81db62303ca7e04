# SPDX-License-Identifier: LGPL-2.1-or-later
"""Events from an API process that is killed and started again."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic_core import from_json
from redis.asyncio import Redis

from integration.answers import Json
from integration.conftest import OwnServer

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

PASSWORD = "correct horse battery staple"
START_S = 60
REVISION = {"tree": "t", "url": "https://t", "branch": "b", "commit": "c"}
A_CHECKOUT = {
    "kind": "checkout",
    "name": "checkout",
    "data": {"kernel_revision": REVISION},
}


@dataclass
class Api:
    """A process of the API, which may be killed and started again."""

    environment: dict[str, str]
    url: str
    process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        program = str(Path(sys.executable).with_name("kci-api"))
        self.process = await asyncio.create_subprocess_exec(
            program, "serve", env=self.environment
        )
        async with (
            httpx.AsyncClient(base_url=self.url) as http,
            asyncio.timeout(START_S),
        ):
            while not await answers(http):
                assert self.process.returncode is None
                await asyncio.sleep(0.1)

    async def stop(self, number: signal.Signals) -> int:
        assert self.process
        self.process.send_signal(number)
        return await self.process.wait()


async def answers(http: httpx.AsyncClient) -> bool:
    try:
        return (await http.get("/ready")).is_success
    except httpx.TransportError:
        return False


@asynccontextmanager
async def served(mongo_url: str, redis_url: str) -> AsyncIterator[Api]:
    """Run an API of these stores as long as the block lasts."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {
        "PATH": os.environ["PATH"],
        "KCI_PORT": str(port),
        "KCI_MONGO_URL": mongo_url,
        "KCI_REDIS_URL": redis_url,
        "KCI_SECRET_KEY": "0123456789abcdef" * 4,
        "KCI_ADMIN_USER": "admin",
        "KCI_ADMIN_PASSWORD": PASSWORD,
    }
    api = Api(environment, f"http://127.0.0.1:{port}")
    await api.start()
    try:
        yield api
    finally:
        if api.process and api.process.returncode is None:
            await api.stop(signal.SIGKILL)


@pytest.fixture
async def api(mongo_url: str, redis_url: str) -> AsyncIterator[Api]:
    async with served(mongo_url, redis_url) as api:
        yield api


@asynccontextmanager
async def logged_in(api: Api) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=api.url, timeout=30) as http:
        form = {"username": "admin", "password": PASSWORD}
        answer = await http.post("/latest/user/login", data=form)
        token = answer.raise_for_status().json()["access_token"]
        http.headers["Authorization"] = f"Bearer {token}"
        yield http


@dataclass
class Writer:
    """Changes nodes, and records acknowledged changes."""

    http: httpx.AsyncClient
    acknowledged: list[str] = field(default_factory=list)

    async def one_node(self) -> None:
        """Create a node and change it several times."""
        node = await self._send("POST", "/latest/node", A_CHECKOUT)
        for number in range(4):
            change = {"data": {"number": number}}
            await self._send("PATCH", f"/latest/node/{node['id']}", change)

    async def _send(self, method: str, url: str, body: Json) -> Any:
        answer = await self.http.request(method, url, json=body)
        node = answer.raise_for_status().json()
        self.acknowledged.append(f"{node['id']}-{node['version']}")
        return node


@dataclass
class Listener:
    """Gets events over SSE, and resumes after each lost connection."""

    http: httpx.AsyncClient
    events: list[Json] = field(default_factory=list)

    async def listen(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                await self._until_lost()
            except httpx.TransportError:
                await asyncio.sleep(0.05)

    async def _until_lost(self) -> None:
        after = self.events[-1]["_sequence_id"] if self.events else 0
        headers = {"Last-Event-ID": str(after)}
        url = "/latest/events/stream"
        async with self.http.stream("GET", url, headers=headers) as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            async for line in answer.aiter_lines():
                if line.startswith("data: "):
                    self.events.append(from_json(line[6:]))

    @property
    def ids(self) -> list[str]:
        return [event["id"] for event in self.events]


def check_complete(ids: list[str], acknowledged: list[str]) -> None:
    """Check that each change has one event, in the order of a node's versions."""
    assert set(acknowledged) <= set(ids)
    assert len(ids) == len(set(ids))
    versions: dict[str, int] = {}
    for one in ids:
        node, version = one.split("-")
        assert int(version) == versions.get(node, 0) + 1
        versions[node] = int(version)


async def eventually(condition: Any) -> None:
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.1)


async def stream_ids(redis: Redis) -> list[str]:
    entries: Any = await redis.xrange("node")
    events = [from_json(fields["event"]) for _, fields in entries]
    places = [event["_sequence_id"] for event in events]
    assert places == list(range(1, len(places) + 1))
    return [event["id"] for event in events]


async def test_a_stop_ends_streams_and_waiting_claims(api: Api) -> None:
    async with (
        logged_in(api) as http,
        http.stream("GET", "/latest/events/stream") as answer,
        asyncio.timeout(25),
    ):
        request = {"runtime": "lab", "platforms": ["qemu"], "wait": 30}
        claim = asyncio.create_task(http.post("/latest/claims", json=request))
        for _ in range(20):  # by then the API has read the claim, which was sent before
            await http.get("/ready")
        assert await api.stop(signal.SIGTERM) == 0
        assert [line async for line in answer.aiter_lines()] == []
        assert (await claim).status_code == 204


async def test_without_redis_changes_are_accepted_and_published_later(
    mongo_url: str, own_redis: OwnServer
) -> None:
    redis_url = f"redis://127.0.0.1:{own_redis.port}/0"
    async with served(mongo_url, redis_url) as api, logged_in(api) as http:
        ready = await http.get("/ready")
        assert ready.json() == {"ready": True, "mongo": True, "redis": False}
        writer, listener = Writer(http), Listener(http)
        await writer.one_node()
        with own_redis.running():
            listening = asyncio.create_task(listener.listen(asyncio.Event()))
            await eventually(lambda: len(listener.ids) == len(writer.acknowledged))
            await writer.one_node()
            await eventually(lambda: len(listener.ids) == len(writer.acknowledged))
            async with Redis.from_url(redis_url, decode_responses=True) as redis:
                await until_published(redis, listener.ids)
        check_complete(listener.ids, writer.acknowledged)
        listening.cancel()


async def until_published(redis: Redis, ids: list[str]) -> None:
    async with asyncio.timeout(30):
        while await stream_ids(redis) != ids:
            await asyncio.sleep(0.1)


async def test_without_mongo_the_response_is_503(
    own_mongo: OwnServer, redis_url: str
) -> None:
    mongo_url = f"mongodb://127.0.0.1:{own_mongo.port}/kci?directConnection=true"
    with ExitStack() as mongo:
        mongo.enter_context(own_mongo.running())
        async with served(mongo_url, redis_url) as api, logged_in(api) as http:
            writer, listener = Writer(http), Listener(http)
            await writer.one_node()
            mongo.close()
            assert (await http.get("/ready")).status_code == 503
            for answer in (
                await http.get("/latest/nodes"),
                await http.post("/latest/node", json=A_CHECKOUT),
            ):
                assert answer.status_code == 503
                assert int(answer.headers["retry-after"]) > 0
            mongo.enter_context(own_mongo.running())
            await writer.one_node()
            listening = asyncio.create_task(listener.listen(asyncio.Event()))
            await eventually(lambda: len(listener.ids) >= len(writer.acknowledged))
            check_complete(listener.ids, writer.acknowledged)
            listening.cancel()

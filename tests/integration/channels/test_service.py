# SPDX-License-Identifier: LGPL-2.1-or-later
"""A real service whose API, or whose token, cannot be used for a while."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from redis.asyncio import Redis
from starlette.responses import HTMLResponse

from integration.conftest import OwnApi, OwnServer, Program, Programs, free_port
from integration.wall import Proxy, Wall, served
from kci_shared.client import ApiClient
from kci_shared.models import NewNode, Node
from kci_shared.secret import Secret
from kci_shared.settings import ClientSettings

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

WAIT_S = 60
FAULT = {"kind": "oops", "severity": "fault", "headline": "Oops", "line": 7}
RESULTS = ("pass", "fail", "fail")
PAGE = "<html>Welcome to our hotel</html>"


@dataclass
class World:
    """The regression tracker, and the API behind a wall."""

    api: ApiClient
    wall: Wall
    port: int
    """Where the wall is to be served."""
    token_file: Path
    redis: Redis
    tracker: Program
    health: str
    checkouts: list[Node]

    async def break_boot(self, platform: str) -> None:
        """Report a boot that passed with one revision, and fails with the next ones."""
        fault = {**FAULT, "signature": f"oops-{platform}"}
        for checkout, result in zip(self.checkouts, RESULTS, strict=True):
            findings = [fault] if result == "fail" else []
            data = {"platform": platform, "arch": "arm64", "findings": findings}
            body = {"kind": "job", "name": "boot", "state": "done", "result": result}
            new = {**body, "parent": checkout.id, "data": data}
            await self.api.create(NewNode.model_validate(new))

    async def is_tracked(self, platform: str) -> None:
        """Wait for the regression of a platform."""
        query: dict[str, Any] = {"kind": "regression", "data.platform": platform}
        async with asyncio.timeout(WAIT_S):
            while not await self.api.find(**query):
                await asyncio.sleep(0.1)

    async def is_ready(self, status: int) -> str:
        """Wait until `/ready` has a status; return its text."""
        async with asyncio.timeout(WAIT_S), httpx.AsyncClient() as http:
            while True:
                try:
                    answer = await http.get(self.health)
                    if answer.status_code == status:
                        return answer.text
                except httpx.TransportError:
                    pass  # it has not started yet
                await asyncio.sleep(0.1)

    async def gave_up_nothing(self) -> bool:
        return await self.redis.xlen("dead:regression-tracker") == 0


@pytest.fixture
async def world(
    own_api: OwnApi, programs: Programs, redis_url: str, tmp_path: Path
) -> AsyncIterator[World]:
    token = await own_api.token("tracker", "nodes:write")
    token_file = tmp_path / "token"
    token_file.write_text(token.read_text())
    port, health_port = free_port(), free_port()
    environment = {
        "KCI_API_URL": f"http://127.0.0.1:{port}",
        "KCI_TOKEN_FILE": str(token_file),
        "KCI_REDIS_URL": redis_url,
        "KCI_HEALTH_PORT": str(health_port),
    }
    settings = ClientSettings(
        api_url=own_api.url, token=Secret("KCI_TOKEN", file=token)
    )
    async with (
        ApiClient.connect(settings) as api,
        httpx.AsyncClient(base_url=own_api.url, timeout=90) as server,
        Redis.from_url(redis_url) as redis,
    ):
        checkouts = [await api.create(a_checkout(n)) for n in range(len(RESULTS))]
        yield World(
            api,
            Wall(Proxy(server)),
            port,
            token_file,
            redis,
            programs("kci-regression-tracker", environment),
            f"http://127.0.0.1:{health_port}/ready",
            checkouts,
        )


def a_checkout(number: int) -> NewNode:
    revision = {"tree": "mainline", "url": "https://git.example.org/linux.git"}
    revision |= {"branch": "master", "commit": str(number)}
    body = {"kind": "checkout", "name": "checkout", "state": "available"}
    return NewNode.model_validate({**body, "data": {"kernel_revision": revision}})


async def test_nothing_is_lost_while_another_server_answers(world: World) -> None:
    async with served(world.wall, world.port):
        await world.tracker.start()
        await world.is_ready(200)
        for status in (401, 403, 302, 404, 200):
            world.wall.page = HTMLResponse(PAGE, status)
            await world.break_boot(f"board-{status}")
            problem = await world.is_ready(503)
            assert "api" in problem
            assert "to do:" in problem
            world.wall.page = None
            await world.is_tracked(f"board-{status}")
            await world.is_ready(200)
    assert world.wall.hits < 60
    assert await world.gave_up_nothing()


async def test_a_service_goes_on_by_itself_once_its_token_file_has_a_new_token(
    world: World,
) -> None:
    good = world.token_file.read_text()
    world.token_file.write_text("an.expired.token")
    async with served(world.wall, world.port):
        await world.tracker.start()
        await world.break_boot("board")
        problem = await world.is_ready(503)
        assert f"put a valid token into KCI_TOKEN_FILE ({world.token_file})" in problem
        assert "an.expired.token" not in problem
        world.token_file.write_text(good)
        await world.is_tracked("board")
        await world.is_ready(200)
    assert await world.gave_up_nothing()


async def test_a_service_waits_for_an_api_that_starts_later(world: World) -> None:
    await world.tracker.start()
    await world.break_boot("board")
    assert "start the server" in await world.is_ready(503)
    async with served(world.wall, world.port):
        await world.is_tracked("board")
        await world.is_ready(200)
    assert await world.gave_up_nothing()


async def test_a_wrong_scheme_in_the_url_is_named_and_loses_nothing(
    world: World,
) -> None:
    environment = world.tracker.environment
    right = environment["KCI_API_URL"]
    environment["KCI_API_URL"] = right.replace("http:", "https:")
    async with served(world.wall, world.port):
        await world.tracker.start()
        await world.break_boot("board")
        assert "KCI_API_URL" in await world.is_ready(503)
        await world.tracker.kill()
        environment["KCI_API_URL"] = right
        await world.tracker.start()
        await world.is_tracked("board")
    assert await world.gave_up_nothing()


async def test_a_service_waits_for_a_redis_that_starts_later(
    world: World, own_redis: OwnServer
) -> None:
    url = f"redis://127.0.0.1:{own_redis.port}/0"
    world.tracker.environment["KCI_REDIS_URL"] = url
    async with served(world.wall, world.port):
        await world.tracker.start()
        assert "start the server, or correct KCI_REDIS_URL" in await world.is_ready(503)
        with own_redis.running():
            await world.is_ready(200)
            await world.tracker.kill()

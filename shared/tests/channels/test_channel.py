# SPDX-License-Identifier: LGPL-2.1-or-later
import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import NoReturn

import httpx
import pytest

from kci_shared.channels import (
    About,
    ChannelClient,
    Sighting,
    TokenAuth,
    all_up,
    pass_while_up,
    patiently,
    require_all,
)
from kci_shared.channels.openings import collected
from kci_shared.errors import ChannelDown, ConfigError
from kci_shared.health import Readiness
from kci_shared.secret import Secret

ABOUT = About("api", url="KCI_API_URL", credentials="KCI_TOKEN")
Answer = Callable[[httpx.Request], httpx.Response]


class World:
    """A channel whose probes wait until a test lets one go."""

    def __init__(self, token_file: Path) -> None:
        self.token_file = token_file
        self.token_file.write_text("old\n")
        self.readiness = Readiness()
        self.requests: list[str] = []
        self.pauses: list[float] = []
        self.probes = 0
        self.answer: Answer = lambda _: httpx.Response(200, json={})
        self._may_probe = asyncio.Semaphore(0)
        secret = Secret("KCI_TOKEN", file=token_file)
        self.client = ChannelClient(
            ABOUT,
            ("GET", "/whoami"),
            base_url="http://api",
            auth=TokenAuth(secret.read),
            transport=httpx.MockTransport(self._answer),
        )
        self.client.channel._sleep = self._pause

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request.url.path)
        return self.answer(request)

    async def _pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        await self._may_probe.acquire()

    async def probed(self, times: int = 1) -> None:
        """Let some probes go; return after the last, unless the channel is up."""
        for _ in range(times):
            while len(self.pauses) == self.probes:
                await asyncio.sleep(0)
            self.probes += 1
            self._may_probe.release()
            while self.client.channel.problem and len(self.pauses) == self.probes:
                await asyncio.sleep(0)

    @property
    def ready(self) -> dict[str, object]:
        return self.readiness.answer()


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = World(tmp_path / "token")
    with collected() as world.readiness.channels:
        async with world.client, world.client.channel.opened():
            world.readiness.ready = True
            yield world


def by_token(*accepted: str) -> Answer:
    def answer(request: httpx.Request) -> httpx.Response:
        is_good = request.headers["Authorization"].removeprefix("Bearer ") in accepted
        return httpx.Response(200 if is_good else 401, json={})

    return answer


def failing(error: Exception) -> Answer:
    def answer(_: httpx.Request) -> NoReturn:
        raise error

    return answer


def expired() -> httpx.ConnectError:
    error = httpx.ConnectError("certificate verify failed")
    error.__cause__ = ssl.SSLCertVerificationError("certificate has expired")
    return error


PAGE = httpx.Response(200, html="<html>Welcome to our hotel</html>")
FAULTS: list[tuple[Answer, str]] = [
    (lambda _: httpx.Response(401, json={}), "put a valid token into KCI_TOKEN"),
    (lambda _: httpx.Response(403, json={}), "the missing right"),
    (lambda _: httpx.Response(302, headers={"Location": "/login"}), "login page"),
    (lambda _: PAGE, "another server answers"),
    (lambda _: httpx.Response(404, html="<html>"), "another path"),
    (failing(httpx.ConnectError("refused")), "start the server"),
    (failing(expired()), "certificate"),
]


@pytest.mark.parametrize(("answer", "remedy"), FAULTS)
async def test_a_fault_takes_the_channel_down_and_ready_says_what_to_do(
    world: World, answer: Answer, remedy: str
) -> None:
    assert world.ready == {"ready": True}
    world.answer = answer
    with pytest.raises(ChannelDown, match="api: "):
        await world.client.get("/nodes")
    assert world.ready["ready"] is False
    channels = world.ready["channels"]
    assert isinstance(channels, dict)
    assert remedy in channels["api"]
    with pytest.raises(ChannelDown):
        require_all()


@pytest.mark.parametrize("status", [400, 404, 409, 413, 422, 429, 500, 503])
async def test_a_refusal_of_one_request_leaves_the_channel_up(
    world: World, status: int
) -> None:
    world.answer = lambda _: httpx.Response(status, json={"detail": "because"})
    assert (await world.client.get("/nodes")).status_code == status
    assert world.ready == {"ready": True}


async def test_while_a_channel_is_down_nothing_is_sent_but_probes(
    world: World,
) -> None:
    world.answer = lambda _: httpx.Response(401, json={})
    for _ in range(10):
        with pytest.raises(ChannelDown):
            await world.client.get("/nodes")
    await world.probed(times=3)
    assert world.requests == ["/nodes", *["/whoami"] * 3]
    assert world.pauses == sorted(world.pauses)


async def test_the_token_file_is_read_again_before_each_probe(world: World) -> None:
    world.answer = by_token("new")
    with pytest.raises(ChannelDown):
        await world.client.get("/nodes")
    await world.probed()
    assert world.ready["ready"] is False
    world.token_file.write_text("new\n")
    await world.probed()
    assert world.ready == {"ready": True}
    assert (await world.client.get("/nodes")).status_code == 200


async def test_an_address_is_read_again_before_each_probe(world: World) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.host != "new":
            raise httpx.ConnectError("refused")
        return httpx.Response(200, json={})

    world.answer = answer
    address = "http://api"
    world.client._read_url = lambda: address
    with pytest.raises(ChannelDown):
        await world.client.get("/nodes")
    await world.probed()
    assert world.ready["ready"] is False
    address = "http://new"
    await world.probed()
    assert world.ready == {"ready": True}


async def test_a_token_file_that_is_gone_is_the_reason(world: World) -> None:
    world.answer = by_token("new")
    with pytest.raises(ChannelDown):
        await world.client.get("/nodes")
    world.token_file.unlink()
    await world.probed()
    assert "No such file" in world.client.channel.problem


async def test_a_server_error_is_no_sign_that_the_channel_is_up(world: World) -> None:
    world.answer = failing(httpx.ConnectError("refused"))
    with pytest.raises(ChannelDown):
        await world.client.get("/nodes")
    world.answer = lambda _: httpx.Response(503, json={})
    await world.probed()
    assert "refused" in world.client.channel.problem


async def test_no_secret_is_shown(world: World) -> None:
    world.answer = failing(httpx.ConnectError("http://me:secret@proxy: refused"))
    with pytest.raises(ChannelDown) as caught:
        await world.client.get("/nodes")
    assert "secret" not in f"{caught.value} {world.ready}"


async def test_a_patient_call_is_made_again_when_the_channel_is_up(
    world: World,
) -> None:
    world.answer = by_token("new")
    calls = 0

    async def call() -> str:
        nonlocal calls
        calls += 1
        await world.client.get("/nodes")
        return "done"

    patient = asyncio.create_task(patiently(call))
    while not world.pauses:
        await asyncio.sleep(0)
    world.token_file.write_text("new\n")
    await world.probed()
    assert await patient == "done"
    assert calls == 2


async def test_a_stop_ends_the_wait_for_a_channel(world: World) -> None:
    world.answer = lambda _: httpx.Response(401, json={})
    with pytest.raises(ChannelDown):
        await world.client.get("/nodes")
    stop = asyncio.Event()
    waiting = asyncio.create_task(all_up(stop))
    await asyncio.sleep(0)
    assert not waiting.done()
    stop.set()
    await waiting


async def test_time_with_a_channel_down_does_not_count(world: World) -> None:
    world.answer = lambda _: httpx.Response(401, json={})
    with pytest.raises(ChannelDown):
        await world.client.get("/nodes")
    passing = asyncio.create_task(pass_while_up(0.01))
    down_s = world.client.channel.down_s
    while down_s(time.monotonic()) < 0.05:
        await asyncio.sleep(0.01)
    assert not passing.done()
    world.answer = lambda _: httpx.Response(200, json={})
    await world.probed()
    await passing


async def test_a_channel_that_nobody_opened_blocks_nothing() -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(401, json={}))
    client = ChannelClient(
        ABOUT, ("GET", "/"), base_url="http://api", transport=transport
    )
    async with client:
        for _ in range(2):
            with pytest.raises(ChannelDown) as caught:
                await client.get("/nodes")
            assert caught.value.seen == Sighting.UNAUTHORIZED
        assert client.channel.problem == ""


def test_a_token_of_two_lines_is_a_mistake_of_the_configuration() -> None:
    with pytest.raises(ConfigError, match="one line"):
        TokenAuth(lambda: "one\ntwo")

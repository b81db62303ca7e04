# SPDX-License-Identifier: LGPL-2.1-or-later
"""The two stores as real servers on free ports, empty for each test; our programs."""

import asyncio
import shutil
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import redis

from kci_local.processes import Process, Processes
from kci_local.site import Site
from kci_local.stack import Stack

START_S = 30


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def running(command: list[str], port: int, folder: Path) -> Iterator[int]:
    """Run a server as long as the block lasts; yield its port once it listens."""
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
    try:
        await_port(process, port, folder)
        yield port
    finally:
        process.terminate()
        process.wait(10)


def await_port(process: subprocess.Popen[bytes], port: int, folder: Path) -> None:
    until = time.monotonic() + START_S
    while time.monotonic() < until:
        assert process.poll() is None, (folder / "log").read_text()
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError(f"no answer on port {port}: {(folder / 'log').read_text()}")


@contextmanager
def running_mongo(port: int, folder: Path) -> Iterator[int]:
    """Run the MongoDB-wire server; what it has acknowledged survives a kill."""
    program = str(Path(sys.executable).with_name("secantusd-py"))
    command = [program, "--port", str(port), "--storage-path", str(folder / "data")]
    with running([*command, "--sync-on-commit", "--cache-size", "256M"], port, folder):
        yield port


@contextmanager
def running_redis(port: int, folder: Path) -> Iterator[int]:
    """Run a Redis that keeps nothing on disk."""
    program = shutil.which("redis-server")
    assert program, "install redis-server (Debian) to run the integration tests"
    command = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    with running(command, port, folder):
        yield port


@pytest.fixture(scope="session")
def mongo_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with running_mongo(free_port(), tmp_path_factory.mktemp("mongo")) as port:
        yield port


@pytest.fixture(scope="session")
def redis_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with running_redis(free_port(), tmp_path_factory.mktemp("redis")) as port:
        yield port


@dataclass(frozen=True)
class OwnServer:
    """A store of one test's own, which it may start and stop; its data stay."""

    run: Callable[[int, Path], AbstractContextManager[int]]
    port: int
    folder: Path

    def running(self) -> AbstractContextManager[int]:
        return self.run(self.port, self.folder)


@pytest.fixture
def own_mongo(tmp_path_factory: pytest.TempPathFactory) -> OwnServer:
    return OwnServer(running_mongo, free_port(), tmp_path_factory.mktemp("mongo"))


@pytest.fixture
def own_redis(tmp_path_factory: pytest.TempPathFactory) -> OwnServer:
    return OwnServer(running_redis, free_port(), tmp_path_factory.mktemp("redis"))


def an_empty_database(mongo_port: int) -> str:
    database = f"test_{uuid.uuid4().hex[:12]}"
    return f"mongodb://127.0.0.1:{mongo_port}/{database}?directConnection=true"


@pytest.fixture
def mongo_url(mongo_port: int) -> str:
    """A MongoDB address with a database of this test's own."""
    return an_empty_database(mongo_port)


@pytest.fixture
def redis_url(redis_port: int) -> str:
    """The address of an empty Redis."""
    with redis.Redis(port=redis_port) as client:
        client.flushall()
    return f"redis://127.0.0.1:{redis_port}/0"


Serving = Callable[[Site], AbstractContextManager[Site]]
"""Runs what every bridge needs, as long as the block lasts."""


@contextmanager
def api_and_storage(site: Site) -> Iterator[Site]:
    """Run what every bridge needs, as long as the block lasts."""
    try:
        asyncio.run(Stack(site).up(["api", "storage"]))
        yield site
    finally:
        asyncio.run(Stack(site).down())


@pytest.fixture(scope="session")
def serving() -> Serving:
    return api_and_storage


@dataclass(frozen=True)
class Program:
    """One of our programs as a process: started, killed, started again."""

    processes: Processes
    part: Process

    @property
    def environment(self) -> dict[str, str]:
        return self.part.env

    async def start(self) -> None:
        await self.processes.start(self.part)

    async def until_ready(self) -> None:
        await self.processes.until_ready(self.part)

    async def kill(self) -> None:
        await self.processes.kill(self.part.name)

    async def run(self) -> str:
        """Run it to its end; return its output."""
        await self.start()
        while self.processes.pid(self.part.name) is not None:
            await asyncio.sleep(0.05)
        return self.processes.log_file(self.part.name).read_text()


class Programs:
    """The programs of one test, started by the fork server."""

    def __init__(self, folder: Path) -> None:
        self._processes = Processes(folder)
        self._count = 0

    def __call__(
        self, command: str, environment: dict[str, str], health: str | None = None
    ) -> Program:
        """Return a program to start: its command line, its settings, its health URL."""
        self._count += 1
        name, *arguments = command.split()
        program = str(Path(sys.executable).with_name(name))
        part = Process(
            f"{name}-{self._count}", [program, *arguments], environment, health=health
        )
        return Program(self._processes, part)

    async def kill(self) -> None:
        for name in self._processes.running():
            await self._processes.kill(name)


@pytest.fixture
async def programs(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Programs]:
    programs = Programs(tmp_path_factory.mktemp("programs"))
    yield programs
    await programs.kill()


@dataclass(frozen=True)
class OwnApi:
    """An API of one test's own, with tokens for it."""

    url: str
    settings: dict[str, str]
    programs: Programs
    folder: Path

    async def token(self, name: str, *scopes: str) -> Path:
        """Return the file of a new token."""
        file = self.folder / f"{name}.token"
        options = "".join(f" --scope {scope}" for scope in scopes)
        command = f"kci-api token create {name}{options} --out {file}"
        output = await self.programs(command, self.settings).run()
        assert file.exists(), output
        return file


async def serve(
    programs: Programs, mongo_url: str, redis_url: str, folder: Path
) -> OwnApi:
    url = f"http://127.0.0.1:{free_port()}"
    settings = {
        "KCI_MONGO_URL": mongo_url,
        "KCI_REDIS_URL": redis_url,
        "KCI_SECRET_KEY": "0123456789abcdef" * 4,
        "KCI_PORT": url.rpartition(":")[2],
        "KCI_DEVELOPMENT": "true",
    }
    served = programs("kci-api serve", settings, f"{url}/ready")
    await served.start()
    await served.until_ready()
    return OwnApi(url, settings, programs, folder)


@pytest.fixture
async def own_api(
    programs: Programs, mongo_url: str, redis_url: str, tmp_path: Path
) -> OwnApi:
    return await serve(programs, mongo_url, redis_url, tmp_path)


@pytest.fixture
async def two_apis(
    own_api: OwnApi,
    programs: Programs,
    mongo_port: int,
    redis_port: int,
    tmp_path_factory: pytest.TempPathFactory,
) -> list[OwnApi]:
    """Two APIs with databases of their own."""
    mongo_url = an_empty_database(mongo_port)
    redis_url = f"redis://127.0.0.1:{redis_port}/1"
    folder = tmp_path_factory.mktemp("other")
    return [own_api, await serve(programs, mongo_url, redis_url, folder)]

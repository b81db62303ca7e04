# SPDX-License-Identifier: LGPL-2.1-or-later
"""The two stores as real servers on free ports, empty for each test."""

import shutil
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import redis

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
    """A store of one test's own, which it may start and stop; what it has stays."""

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


@pytest.fixture
def mongo_url(mongo_port: int) -> str:
    """A MongoDB address with a database of this test's own."""
    database = f"test_{uuid.uuid4().hex[:12]}"
    return f"mongodb://127.0.0.1:{mongo_port}/{database}?directConnection=true"


@pytest.fixture
def redis_url(redis_port: int) -> str:
    """The address of an empty Redis."""
    with redis.Redis(port=redis_port) as client:
        client.flushall()
    return f"redis://127.0.0.1:{redis_port}/0"

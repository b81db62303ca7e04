# SPDX-License-Identifier: LGPL-2.1-or-later
"""Two APIs with real stores as processes, and the import as its operator runs it."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex
from typing import Any

import httpx
import pytest

PROJECT = Path(__file__).parents[3]
BIN = Path(sys.executable).parent
START_S = 60
SECRET = token_hex(32)


@dataclass(frozen=True)
class Api:
    """A process of the API, and what its operator may do."""

    url: str
    environment: dict[str, str]
    tokens: dict[tuple[str, ...], str] = field(default_factory=dict)

    def token(self, *scopes: str) -> str:
        if scopes not in self.tokens:
            self.tokens[scopes] = self._make_token(scopes)
        return self.tokens[scopes]

    def _make_token(self, scopes: tuple[str, ...]) -> str:
        flags = [part for scope in scopes for part in ("--scope", scope)]
        command = [BIN / "kci-api", "token", "create", "tester", *flags]
        return subprocess.run(
            command, env=self.environment, check=True, capture_output=True, text=True
        ).stdout.strip()

    def client(self, *scopes: str) -> httpx.Client:
        headers = {"Authorization": f"Bearer {self.token(*scopes)}"}
        return httpx.Client(base_url=f"{self.url}/latest", headers=headers)

    def get(self, path: str, **filters: Any) -> Any:
        answer = httpx.get(f"{self.url}/latest/{path}", params=filters)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def nodes(self, **filters: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.get("nodes/fast", **filters)
        return found


@contextmanager
def serving(mongo_port: int, redis_port: int, number: int, port: int) -> Iterator[Api]:
    database = f"mongodb://127.0.0.1:{mongo_port}/{token_hex(6)}?directConnection=true"
    environment = {
        "PATH": os.environ["PATH"],
        "KCI_PORT": str(port),
        "KCI_MONGO_URL": database,
        "KCI_SECRET_KEY": SECRET,
        "KCI_REDIS_URL": f"redis://127.0.0.1:{redis_port}/{number}",
    }
    process = subprocess.Popen([BIN / "kci-api", "serve"], env=environment)
    try:
        api = Api(f"http://127.0.0.1:{port}", environment)
        until = time.monotonic() + START_S
        while not _is_ready(api.url):
            assert process.poll() is None
            assert time.monotonic() < until
            time.sleep(0.1)
        yield api
    finally:
        process.terminate()
        process.wait(20)


def _is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/ready").is_success
    except httpx.TransportError:
        return False


@pytest.fixture(scope="module")
def free_ports() -> list[int]:
    with socket.socket() as one, socket.socket() as two:
        for probe in (one, two):
            probe.bind(("127.0.0.1", 0))
        return [one.getsockname()[1], two.getsockname()[1]]


@pytest.fixture
def importing_to() -> Callable[[Api, Path], "Importing"]:
    return Importing


@pytest.fixture(scope="module")
def apis(
    mongo_port: int, redis_port: int, free_ports: list[int]
) -> Iterator[list[Api]]:
    """Two that know nothing of each other."""
    with ExitStack() as running:
        yield [
            running.enter_context(serving(mongo_port, redis_port, n, port))
            for n, port in enumerate(free_ports, 1)
        ]


@dataclass
class Importing:
    """The command, with the state of one operator."""

    api: Api
    folder: Path

    def command(self, *arguments: str) -> list[str]:
        return [str(BIN / "kci-import"), "--state", str(self.folder), *arguments]

    def environment(self, batch: int) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "KCI_BATCH": str(batch),
            "KCI_API_URL": self.api.url,
            "KCI_TOKEN": self.api.token("nodes:import"),
        }

    def __call__(self, *arguments: str, batch: int = 500) -> str:
        done = subprocess.run(
            self.command(*arguments),
            env=self.environment(batch),
            capture_output=True,
            text=True,
            timeout=100,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def killed_when(self, enough: Callable[[], bool], *arguments: str) -> bool:
        """Run it with small batches and kill it; say whether it was still at work."""
        process = subprocess.Popen(
            self.command(*arguments),
            env=self.environment(batch=1),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        while process.poll() is None:
            if enough():
                process.kill()
                process.wait()
                return True
        return False

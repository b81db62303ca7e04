# SPDX-License-Identifier: LGPL-2.1-or-later
"""Two APIs with real stores as processes, and the import as its operator runs it."""

import asyncio
import os
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

COMMAND = Path(sys.executable).with_name("kci-import")
# plain HTTP on loopback: to load certificates would take the longest
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@dataclass(frozen=True)
class Api:
    """A process of the API, and what its operator may do."""

    own: Any
    anybody: httpx.Client
    tokens: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return str(self.own.url)

    def token(self, scope: str) -> str:
        if scope not in self.tokens:
            file: Path = asyncio.run(self.own.token(scope.replace(":", "-"), scope))
            self.tokens[scope] = file.read_text().strip()
        return self.tokens[scope]

    def client(self, scope: str) -> httpx.Client:
        headers = {"Authorization": f"Bearer {self.token(scope)}"}
        return httpx.Client(
            base_url=f"{self.url}/latest", headers=headers, verify=NO_TLS
        )

    def get(self, path: str, **filters: Any) -> Any:
        answer = self.anybody.get(f"/latest/{path}", params=filters)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def nodes(self, **filters: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.get("nodes/fast", **filters)
        return found


@pytest.fixture
def apis(two_apis: list[Any]) -> Iterator[list[Api]]:
    """Two that know nothing of each other."""
    with ExitStack() as clients:
        yield [
            Api(
                own,
                clients.enter_context(httpx.Client(base_url=own.url, verify=NO_TLS)),
            )
            for own in two_apis
        ]


@pytest.fixture
def importing_to() -> Callable[[Api, Path], "Importing"]:
    return Importing


@dataclass
class Importing:
    """The command, with the state of one operator."""

    api: Api
    folder: Path

    def command(self, *arguments: str) -> list[str]:
        return [str(COMMAND), "--state", str(self.folder), *arguments]

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
            time.sleep(0.01)
        return False

# SPDX-License-Identifier: LGPL-2.1-or-later
"""Two APIs with real databases, and the import command as an operator runs it."""

import asyncio
import os
import signal
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from integration.conftest import OwnApi
from integration.importing.killing_proxy import killing_proxy

COMMAND = Path(sys.executable).with_name("kci-import")
# only plain HTTP is used here, and loading certificates would take most of the time
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
KILLED_WITHIN_S = 100

NodeJson = dict[str, Any]


@dataclass(frozen=True)
class Api:
    """A running API, and tokens for it."""

    own: OwnApi
    anonymous: httpx.Client
    tokens: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return self.own.url

    def token(self, scope: str) -> str:
        if scope not in self.tokens:
            file = asyncio.run(self.own.token(scope.replace(":", "-"), scope))
            self.tokens[scope] = file.read_text().strip()
        return self.tokens[scope]

    def client(self, scope: str) -> httpx.Client:
        headers = {"Authorization": f"Bearer {self.token(scope)}"}
        return httpx.Client(
            base_url=f"{self.url}/latest", headers=headers, verify=NO_TLS
        )

    def get(self, path: str, **filters: str | int) -> Any:
        """Return the JSON of an answer."""
        answer = self.anonymous.get(f"/latest/{path}", params=filters)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def nodes(self, **filters: str) -> list[NodeJson]:
        nodes: list[NodeJson] = self.get("nodes/fast", limit=1000, **filters)
        return nodes


@pytest.fixture
def apis(two_apis: list[OwnApi]) -> Iterator[list[Api]]:
    """Two independent APIs."""
    with ExitStack() as clients:
        yield [
            Api(
                own,
                clients.enter_context(httpx.Client(base_url=own.url, verify=NO_TLS)),
            )
            for own in two_apis
        ]


@dataclass
class ImportCommand:
    """The command, importing into one API with one folder of state."""

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

    def run_and_kill(self, kill_at: int, *arguments: str) -> None:
        """Run it with batches of one node; kill it instead of answering a batch."""
        with killing_proxy(self.api.anonymous, kill_at) as proxy:
            process = subprocess.Popen(
                self.command(*arguments),
                env={**self.environment(batch=1), "KCI_API_URL": proxy.url},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            proxy.arm(process)
            assert process.wait(KILLED_WITHIN_S) == -signal.SIGKILL


ImportInto = Callable[[Api, Path], ImportCommand]


@pytest.fixture
def import_into() -> ImportInto:
    return ImportCommand

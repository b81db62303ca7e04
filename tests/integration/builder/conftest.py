# SPDX-License-Identifier: LGPL-2.1-or-later
"""A stand-in for a kernel's sources, to be changed and built."""

import shutil
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from kci_builder.builder import Builder
from kci_builder.sandbox import Sandbox
from kci_builder.settings import Settings
from kci_fakes.repository import Repository
from kci_shared.models import NODE, Node
from kci_shared.work import LabJob, RunOutcome

NOW = datetime(2026, 11, 1, tzinfo=UTC)
DEFINITION = {"arch": "x86_64", "compiler": "gcc", "defconfig": "tinyconfig"}
REVISION = {"tree": "t", "url": "u", "branch": "b", "commit": "c" * 40}


class Surroundings:
    """The API and the storage, as far as a builder sees them."""

    def __init__(self, tarball: Path) -> None:
        self.artifacts = {"tarball": "http://s/sources"}
        self._tarball = tarball

    async def get(self, _: str) -> Node:
        return a_node("checkout", artifacts=self.artifacts)

    async def fetch(self, _: dict[str, str]) -> dict[str, Path]:
        return {"tarball": self._tarball}


def a_node(
    kind: str, patchset: str | None = None, artifacts: Any = None, **data: Any
) -> Node:
    revision = {**REVISION, "patchset": patchset}
    return NODE.validate_python(
        {"id": "65f000000000000000000001", "kind": kind, "name": f"{kind}/x"}
        | {"owner": "me", "created": NOW, "updated": NOW, "parent": "0" * 24}
        | {"artifacts": artifacts or {}}
        | {"data": {"kernel_revision": revision, **data}}
    )


class Bench:
    """Builds the stand-in as a bridge would, after some changes to it."""

    definition = DEFINITION
    can_fence = shutil.which("bwrap") is not None

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.sources = Repository.standin(folder / "linux")
        told: dict[str, Any] = {"cache": folder / "cache", "min_free": 0}
        (folder / "cache").mkdir()
        self.settings = Settings(
            api_url="http://a", token="the-token", storage_url="http://s", **told
        )
        self.fenced = self.can_fence
        self.builder: Builder | None = None

    async def run(self, patchset: str | None = None, **definition: Any) -> RunOutcome:
        around = Surroundings(self.pack())
        sandbox = Sandbox(is_closed=self.fenced)
        self.builder = Builder(around, around, sandbox, self.settings)  # type: ignore[arg-type]
        asked = {"definition": {**DEFINITION, **definition}}
        node = a_node("kbuild", patchset, **asked)
        folder = self.folder / f"run-{time.monotonic_ns()}"
        folder.mkdir()
        job = LabJob(node, 1, folder)
        return await self.builder.wait(job, await self.builder.submit(job))

    def pack(self) -> Path:
        return self.sources.pack(self.folder / f"{time.monotonic_ns()}.tar.gz")

    def make_does(self, recipe: str) -> None:
        """Have the build run a shell command."""
        makefile = (self.sources.folder / "Makefile").read_text()
        self.sources.write(
            "Makefile", f"{makefile}\nbzImage: evil\nevil:\n\t{recipe}\n"
        )


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)

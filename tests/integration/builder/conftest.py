# SPDX-License-Identifier: LGPL-2.1-or-later
"""Builds of a stand-in for a kernel's sources, isolated if this machine can do it."""

import asyncio
import itertools
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kci_builder.builder import Builder
from kci_builder.sandbox import Sandbox, works
from kci_builder.settings import Settings
from kci_fakes.api import FakeApi
from kci_fakes.repository import Repository
from kci_shared.models import NODE, Node
from kci_shared.work import LabJob, RunOutcome

NOW = datetime(2026, 11, 1, tzinfo=UTC)
BUILD_ID = "65f000000000000000000001"
CHECKOUT_ID = "65f000000000000000000000"
TARBALL = "http://s/sources"
DEFINITION = {"arch": "x86_64", "compiler": "gcc", "defconfig": "tinyconfig"}
REVISION = {"tree": "t", "url": "u", "branch": "b", "commit": "c" * 40}
NO_ISOLATION = "bwrap does not work here: install bubblewrap, and allow user namespaces"


class OneTarball:
    """A storage that holds the sources of one checkout."""

    def __init__(self, tarball: Path) -> None:
        self._tarball = tarball

    async def fetch(self, urls: dict[str, str]) -> dict[str, Path]:
        assert urls == {"tarball": TARBALL}
        return {"tarball": self._tarball}


def a_node(node_id: str, kind: str, patchset: str | None, **fields: object) -> Node:
    about = {"id": node_id, "kind": kind, "name": f"{kind}/x", "owner": "me"}
    data: dict[str, object] = {"kernel_revision": {**REVISION, "patchset": patchset}}
    if definition := fields.pop("definition", None):
        data["definition"] = definition
    return NODE.validate_python(
        {**about, "created": NOW, "updated": NOW, "data": data, **fields}
    )


class Bench:
    """Builds the stand-in as a bridge would, after changes to it."""

    def __init__(self, folder: Path, *, is_isolated: bool) -> None:
        self.folder = folder
        self.sources = Repository.standin(folder / "linux")
        (folder / "cache").mkdir()
        self.settings = Settings(
            api_url="http://a",
            token="the-token",
            storage_url="http://s",
            cache=folder / "cache",
            min_free=0,
        )
        self.is_isolated = is_isolated
        self.builder: Builder | None = None
        self._numbers = itertools.count(1)

    async def run(
        self,
        patchset: str | None = None,
        tarball: Path | None = None,
        **definition: object,
    ) -> RunOutcome:
        """Build once, and return the outcome."""
        api = FakeApi()
        artifacts = {"tarball": TARBALL}
        api.put(a_node(CHECKOUT_ID, "checkout", patchset, artifacts=artifacts))
        sources = OneTarball(tarball or self.pack())
        sandbox = Sandbox(is_isolated=self.is_isolated)
        self.builder = Builder(api, sources, sandbox, self.settings)
        asked = {**DEFINITION, **definition}
        node = a_node(
            BUILD_ID, "kbuild", patchset, parent=CHECKOUT_ID, definition=asked
        )
        folder = self.folder / f"run-{next(self._numbers)}"
        folder.mkdir()
        job = LabJob(node, 1, folder)
        return await self.builder.wait(job, await self.builder.submit(job))

    def pack(self) -> Path:
        """Pack the sources as they are now."""
        return self.sources.pack(self.folder / f"{next(self._numbers)}.tar.gz")

    def make_does(self, recipe: str) -> None:
        """Have make run a shell command."""
        makefile = (self.sources.folder / "Makefile").read_text()
        self.sources.write(
            "Makefile", f"{makefile}\nbzImage: evil\nevil:\n\t{recipe}\n"
        )


@pytest.fixture(scope="session")
def can_isolate() -> bool:
    """Whether bubblewrap works on this machine."""
    return asyncio.run(works(Sandbox(is_isolated=True)))


@pytest.fixture
def bench(tmp_path: Path, can_isolate: bool) -> Bench:
    """A bench in the builder's `auto` mode."""
    return Bench(tmp_path, is_isolated=can_isolate)


@pytest.fixture(params=[True, False], ids=["isolated", "not isolated"])
def either_bench(
    request: pytest.FixtureRequest, tmp_path: Path, can_isolate: bool
) -> Bench:
    """A bench with a sandbox, where one works, and another one without."""
    if request.param and not can_isolate:
        pytest.skip(NO_ISOLATION)
    return Bench(tmp_path, is_isolated=request.param)


@pytest.fixture
def isolated_bench(bench: Bench, can_isolate: bool) -> Bench:
    """A bench whose builds are isolated for sure."""
    if not can_isolate:
        pytest.skip(NO_ISOLATION)
    return bench

# SPDX-License-Identifier: LGPL-2.1-or-later
"""A lab of real QEMU processes, and jobs that boot a real kernel there."""

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from kci_fakes.lab.images import Images, make_images
from kci_local_bridge.dialect import LocalLab
from kci_local_bridge.settings import Settings
from kci_shared.models import NODE
from kci_shared.work import LabJob, RunOutcome
from kci_shared.work.workspace import Workspace

IMAGES = Path(__file__).parents[3] / "var" / "cache"
NOW = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.fixture(scope="session")
def images() -> Images:
    return make_images(IMAGES)


class Bench:
    """Runs jobs as a bridge would, and keeps what they leave."""

    def __init__(
        self, settings: Settings, images: Images, workspace: Workspace
    ) -> None:
        self.settings = settings
        self.images = images
        self.lab = LocalLab(settings)
        self._workspace = workspace
        self._folders = ExitStack()

    def job(self, *tests: dict[str, Any], **images: Path) -> LabJob:
        """Describe a job; without images, it boots the good ones."""
        found = images or {"kernel": self.images.kernel, "ramdisk": self.images.ramdisk}
        urls = {name: f"http://storage/{name}" for name in found}
        node = NODE.validate_python(
            {"id": "65f000000000000000000001", "kind": "job", "name": "smoke"}
            | {"owner": "me", "created": NOW, "updated": NOW}
            | {"data": {"definition": {"artifacts": urls, "tests": tests}}}
        )
        folder = self._folders.enter_context(self._workspace.run(node.id, 1))
        return LabJob(node, attempt=1, folder=folder, images=found)

    async def run(self, job: LabJob) -> RunOutcome:
        return await self.lab.wait(job, await self.lab.submit(job))

    def close(self) -> None:
        self._folders.close()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    told: dict[str, Any] = {"cache": tmp_path, "login_timeout": 240}
    return Settings(api_url="http://a", token="t", storage_url="http://s", **told)


@pytest.fixture
def bench(settings: Settings, images: Images) -> Iterator[Bench]:
    with Workspace.open(settings.runs) as workspace:
        bench = Bench(settings, images, workspace)
        yield bench
        bench.close()

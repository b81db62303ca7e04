# SPDX-License-Identifier: LGPL-2.1-or-later
"""A local bridge's dialect, and jobs that boot a real kernel in QEMU there."""

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from kci_fakes.jobs import a_job_node
from kci_fakes.lab.images import Images
from kci_local_bridge.dialect import LocalLab
from kci_local_bridge.settings import Settings
from kci_shared.work import LabJob, RunOutcome
from kci_shared.work.workspace import Workspace


class Bench:
    """Runs jobs as a bridge does; their folders stay until `close`."""

    def __init__(
        self, settings: Settings, images: Images, workspace: Workspace
    ) -> None:
        self.settings = settings
        self.images = images
        self.lab = LocalLab(settings)
        self._workspace = workspace
        self._folders = ExitStack()

    def job(self, *tests: Mapping[str, object], **images: Path) -> LabJob:
        """Return a job; without images it boots the good ones."""
        good = {"kernel": self.images.kernel, "ramdisk": self.images.ramdisk}
        images = images or good
        urls = {name: f"http://storage/{name}" for name in images}
        node = a_job_node(
            "65f000000000000000000001",
            runtime="lab-local",
            platform="qemu-x86_64",
            definition={"artifacts": urls, "tests": tests},
        )
        folder = self._folders.enter_context(self._workspace.run(node.id, 1))
        return LabJob(node, attempt=1, folder=folder, images=images)

    async def run(self, job: LabJob) -> RunOutcome:
        return await self.lab.wait(job, await self.lab.submit(job))

    def close(self) -> None:
        self._folders.close()

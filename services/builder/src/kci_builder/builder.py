# SPDX-License-Identifier: LGPL-2.1-or-later
"""The builder as a lab: it takes builds from the API, as many at once as it may."""

import shutil

from kci_builder.maker import Maker
from kci_builder.sandbox import Sandbox
from kci_builder.settings import Settings
from kci_shared.work import CannotRun, LabJob, NotConfigured, RunOutcome
from kci_shared.work.api import Nodes
from kci_shared.work.artifacts import Artifacts
from kci_shared.work.build import BUILD, order_of
from kci_shared.work.local import LocalRuns


class Builder(LocalRuns):
    """Builds kernels one after the other, or as many at once as it may."""

    kind = "builder"

    def __init__(
        self, api: Nodes, artifacts: Artifacts, sandbox: Sandbox, settings: Settings
    ) -> None:
        super().__init__(BUILD, settings.max_jobs, self.build)
        self._api = api
        self._maker = Maker(artifacts, sandbox, settings)
        self._sandbox = sandbox
        self._settings = settings

    async def slots(self) -> dict[str, int]:
        """Tell how many builds could start now: none while the disk is full."""
        free = shutil.disk_usage(self._settings.cache).free
        if free < self._settings.min_free:
            raise CannotRun(
                f"less than {self._settings.min_free} bytes of disk are free"
            )
        return await super().slots()

    async def build(self, job: LabJob) -> RunOutcome:
        """Build one kernel."""
        order = await order_of(job.node, self._api)
        if order.is_patched and not self._sandbox.is_closed:
            raise NotConfigured("patches of strangers are built in a sandbox only")
        return await self._maker.make(order, job.folder)

# SPDX-License-Identifier: LGPL-2.1-or-later
"""The builder's dialect: builds run on this machine, in this process."""

import shutil

from kci_builder.maker import Maker, Sources
from kci_builder.sandbox import Sandbox
from kci_builder.settings import Settings
from kci_shared.nodes import Nodes
from kci_shared.work import CannotRun, LabJob, NotConfigured, RunOutcome
from kci_shared.work.build import BUILD, order_of
from kci_shared.work.in_process import InProcessDialect


class Builder(InProcessDialect):
    """Builds kernels, up to `KCI_MAX_JOBS` at once."""

    kind = "builder"

    def __init__(
        self, api: Nodes, sources: Sources, sandbox: Sandbox, settings: Settings
    ) -> None:
        super().__init__(BUILD, settings.max_jobs, self.build)
        self._api = api
        self._maker = Maker(sources, sandbox, settings)
        self._sandbox = sandbox
        self._settings = settings

    async def slots(self) -> dict[str, int]:
        """Return how many builds could start now; raises `CannotRun` if disk is low."""
        free = shutil.disk_usage(self._settings.cache).free
        if free < self._settings.min_free:
            least = self._settings.min_free
            raise CannotRun(f"{free} bytes of disk are free; KCI_MIN_FREE is {least}")
        return await super().slots()

    async def build(self, job: LabJob) -> RunOutcome:
        """Build one kernel."""
        order = await order_of(job.node, self._api)
        if order.is_patched and not self._sandbox.is_isolated:
            raise NotConfigured(
                "patches are built in a sandbox only: make bwrap work here"
            )
        return await self._maker.make(order, job.folder)

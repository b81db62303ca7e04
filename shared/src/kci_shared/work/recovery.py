# SPDX-License-Identifier: LGPL-2.1-or-later
"""Takes back, or cleans up, the jobs that an earlier process of this bridge had."""

import shutil
from collections.abc import Callable

from kci_shared.errors import Conflict, NotFound
from kci_shared.logging import get_logger
from kci_shared.models import ClaimedNode, State
from kci_shared.work.api import ClaimsApi
from kci_shared.work.dialect import Dialect
from kci_shared.work.held_node import HeldNode
from kci_shared.work.runs import Runs
from kci_shared.work.settings import BridgeSettings
from kci_shared.work.workspace import RunName, left_behind

log = get_logger(__name__)

Start = Callable[[ClaimedNode, str], None]
"""Starts a job that the lab has already, by the lab's id."""


class Recovery:
    """Adopts jobs that still run in the lab, as far as the API allows it."""

    def __init__(
        self, api: ClaimsApi, dialect: Dialect, settings: BridgeSettings, runs: Runs
    ) -> None:
        self._api = api
        self._dialect = dialect
        self._settings = settings
        self._runs = runs

    async def run(self, start: Start) -> None:
        """Recover all jobs; may be called again after an error."""
        for node_id, handle in (await self._dialect.recover()).items():
            if not self._runs.has(node_id):
                await self._adopt(node_id, handle, start)
        for folder in left_behind(self._settings.runs):
            if self._dialect.is_remote:
                for run in folder.iterdir():
                    if name := RunName.parse(run.name):
                        await self._return_to(name, start)
            shutil.rmtree(folder, ignore_errors=True)

    async def _adopt(self, node_id: str, handle: str, start: Start) -> None:
        """Take back a job that survived its bridge; stop it if we may not."""
        runtime, lease = self._settings.runtime, self._settings.lease
        try:
            claimed = await self._api.adopt(node_id, runtime, lease)
        except (Conflict, NotFound):
            log.info("job of an earlier process stopped", job_id=handle)
            await self._dialect.cancel(handle)
        else:
            start(claimed, handle)

    async def _return_to(self, run: RunName, start: Start) -> None:
        """Take back a remote lab's job, unless another bridge has it by now."""
        if self._runs.has(run.node_id):
            return
        handle = await self._dialect.find(run.node_id)
        runtime, lease = self._settings.runtime, self._settings.lease
        try:
            claimed = await self._api.adopt(
                run.node_id, runtime, lease, attempt=run.attempt
            )
        except (Conflict, NotFound):
            await self._stop_if_done(run.node_id, handle)
            return
        if handle is None:
            held = HeldNode(self._api, claimed, lease)
            await held.release("the bridge was stopped before the lab had the job")
        else:
            start(claimed, handle)

    async def _stop_if_done(self, node_id: str, handle: str | None) -> None:
        node = await self._api.get(node_id)
        if handle is not None and (node is None or node.state is State.DONE):
            await self._dialect.cancel(handle)

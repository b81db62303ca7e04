# SPDX-License-Identifier: LGPL-2.1-or-later
"""A job's life in the lab: submitted, waited for, and stopped in time."""

import asyncio
from dataclasses import dataclass, replace
from pathlib import Path

from kci_shared.channels import pass_while_up, patiently
from kci_shared.logging import get_logger
from kci_shared.models import ErrorCode, Job, Node, Progress, Result
from kci_shared.work.artifacts import Artifacts
from kci_shared.work.definition import boot_definition
from kci_shared.work.dialect import Dialect
from kci_shared.work.errors import CannotRun
from kci_shared.work.held_node import HeldNode
from kci_shared.work.notes import Notes
from kci_shared.work.outcome import LabJob, RunOutcome
from kci_shared.work.workspace import Workspace

log = get_logger(__name__)

DEFAULT_LIMIT_S = 600.0
"""Time limit of work whose node names none."""
QUEUED_AFTER_S = 2.0
"""A lab that takes longer than this to start a job has queued it."""
GRACE_S = 30.0
"""How long a lab may take to stop a job and deliver what there is of its results."""


@dataclass(frozen=True)
class Environment:
    """A dialect, and what all its jobs share."""

    dialect: Dialect
    artifacts: Artifacts
    workspace: Workspace
    queue_s: float
    """How long a job may wait in the lab for a device, in seconds."""


class Submission:
    """One job in the lab; `handle` is the lab's id once the lab has the job."""

    def __init__(
        self, environment: Environment, held: HeldNode, handle: str | None = None
    ) -> None:
        self.handle = handle
        self._environment = environment
        self._dialect = environment.dialect
        self._held = held
        self._is_over = False
        progress = _progress(held.node) if handle else None
        self._is_queued = progress is Progress.QUEUED
        self.notes = Notes(held, progress)

    @property
    def is_in_lab(self) -> bool:
        """Whether the lab has the job now."""
        return self.handle is not None and not self._is_over

    async def outcome(self, folder: Path) -> RunOutcome:
        """Run the job within its time limit.

        Raises `CannotRun` if the job is wrong, or the lab cannot run it.
        """
        node = self._held.node
        definition = boot_definition(node)
        images = {}
        if definition and self.handle is None and not self._dialect.is_remote:
            urls = definition.artifacts
            images = await patiently(lambda: self._environment.artifacts.fetch(urls))
        job = LabJob(node, self._held.attempt, folder, images, self._on_progress)
        limit_s = self._environment.queue_s + _limit_s(node)
        running = asyncio.create_task(self._submit_and_wait(job))
        limit = asyncio.create_task(pass_time(limit_s))
        try:
            await asyncio.wait({running, limit}, return_when=asyncio.FIRST_COMPLETED)
            if not running.done():
                return await self._cut_off(running, limit_s)
            return running.result()
        finally:
            running.cancel()
            limit.cancel()
            await asyncio.gather(running, limit, return_exceptions=True)

    def _on_progress(self, progress: Progress) -> None:
        """Record how far a job is; builds and mails have no progress field."""
        self._is_queued = progress is Progress.QUEUED
        if isinstance(self._held.node, Job):
            self.notes.progress(progress)

    async def _submit_and_wait(self, job: LabJob) -> RunOutcome:
        if self.handle is None:
            self.handle = await self._submit(job)
            log.info("job started", job_id=self.handle, attempt=job.attempt)
            self.notes.add(job_id=self.handle)
        handle = self.handle
        outcome = await patiently(lambda: self._dialect.wait(job, handle))
        self._is_over = True
        return outcome

    async def _submit(self, job: LabJob) -> str:
        loop = asyncio.get_running_loop()
        queued = loop.call_later(QUEUED_AFTER_S, self._on_progress, Progress.QUEUED)
        try:
            return await patiently(lambda: self._dialect.submit(job))
        finally:
            queued.cancel()

    async def _cut_off(
        self, running: asyncio.Task[RunOutcome], limit_s: float
    ) -> RunOutcome:
        """Stop a job that exceeds its time limit; keep the results that it has."""
        if self.handle is None or self._is_queued:
            raise CannotRun(f"the lab did not start the job within {limit_s:g} s")
        await self.stop()
        await asyncio.wait({running}, timeout=GRACE_S)
        ended = running.done() and not running.cancelled() and not running.exception()
        return replace(
            running.result() if ended else RunOutcome(Result.INCOMPLETE),
            result=Result.INCOMPLETE,
            error_code=ErrorCode.NODE_TIMEOUT,
            error_msg=f"over {limit_s:g} s",
        )

    async def stop(self) -> None:
        """Make the lab stop the job and release its device, if it still has it."""
        if self._is_over:
            return
        try:
            async with asyncio.timeout(GRACE_S):
                handle = self.handle
                if handle is None and self._dialect.is_remote:  # the answer was lost
                    handle = await self._dialect.find(self._held.node.id)
                if handle is not None:
                    await self._dialect.cancel(handle)
        except Exception:
            log.exception("job not stopped", job_id=self.handle)


async def pass_time(seconds: float) -> None:
    """Wait until a time limit has passed, outages not counted; tests replace it."""
    await pass_while_up(seconds)


def _progress(node: Node) -> Progress | None:
    return node.data.progress if isinstance(node, Job) else None


def _limit_s(node: Node) -> float:
    """Return a node's own time limit: its definition's, or its `run_timeout`."""
    if definition := boot_definition(node):
        return definition.timeout
    return getattr(node.data, "run_timeout", None) or DEFAULT_LIMIT_S

# SPDX-License-Identifier: LGPL-2.1-or-later
"""One claimed job, from the claim to the report."""

import asyncio
from dataclasses import dataclass, replace
from pathlib import Path

from prometheus_client import Counter

from kci_shared.errors import ApiError
from kci_shared.logging import get_logger
from kci_shared.models import ErrorCode, Job, Node, Progress, Report, Result
from kci_shared.work.artifacts import Artifacts
from kci_shared.work.definition import boot_definition
from kci_shared.work.dialect import Dialect
from kci_shared.work.errors import CannotRun
from kci_shared.work.held import ClaimLost, Held
from kci_shared.work.notes import Notes
from kci_shared.work.outcome import LabJob, RunOutcome
from kci_shared.work.report import refused_report, report_of, without_tests
from kci_shared.work.workspace import Workspace

log = get_logger(__name__)

JOBS = Counter("kci_jobs_total", "Jobs reported, by result", ["result"])

WORK_SECONDS = 600.0
"""Time limit of work that has no definition to name one."""
AT_ONCE = 2.0
"""A lab that takes longer to start a job, in seconds, has it in a queue."""
GRACE_SECONDS = 30.0
"""What a lab gets to stop a job, and to hand over what there is of it."""


@dataclass(frozen=True)
class Lab:
    """A dialect, and what its jobs need."""

    dialect: Dialect
    artifacts: Artifacts
    workspace: Workspace
    queue: float
    """How long a job may wait in the lab for a device, in seconds."""

    @property
    def is_remote(self) -> bool:
        """Say whether the lab runs jobs by itself, and fetches their artifacts."""
        return self.dialect.is_remote


class JobRun:
    """A job in our hands: run and reported, given back, or dropped once it is lost."""

    def __init__(self, lab: Lab, held: Held, handle: str | None = None) -> None:
        self.held = held
        self.handle = handle
        """The lab's id; None as long as the lab does not have the job."""
        self._lab = lab
        self._is_over = False
        self._is_reporting = False
        known = _progress(held.node) if handle else None
        self._is_queued = known is Progress.QUEUED
        self._notes = Notes(held, known)

    @property
    def is_in_lab(self) -> bool:
        """Whether the lab has the job now."""
        return self.handle is not None and not self._is_over

    async def run(self) -> None:
        """Run the job and report it; when cancelled, leave it to others."""
        run = f"{self.held.node.id}-{self.held.attempt}"
        with self._lab.workspace.run(run) as folder:
            try:
                await self._run_while_held(folder)
            except asyncio.CancelledError:
                await self._leave(folder)
                raise

    def look_at_claim(self) -> None:
        """Renew the claim now, unless it was ended by our own report."""
        if not self._is_reporting:
            self.held.hurry()

    async def _leave(self, folder: Path) -> None:
        """Let the next life go on with the job; where it cannot, stop and release."""
        if self._lab.is_remote:
            self._lab.workspace.leave(folder)
            log.info("job left running", job_id=self.handle)
            return
        await self._stop()
        await self.held.release("the bridge stops")

    async def _run_while_held(self, folder: Path) -> None:
        try:
            async with asyncio.TaskGroup() as tasks:
                heartbeat = tasks.create_task(self.held.keep())
                notes = tasks.create_task(self._notes.write())
                report = await self._end(folder)
                await self._notes.flush()
                notes.cancel()
                self._is_reporting = True
                await self._report(report)
                heartbeat.cancel()
        except* ClaimLost as lost:
            log.warning("claim lost", reason=str(lost.exceptions[0]))
            # the next holder takes a remote job over; it ends only with its node
            if not self._lab.is_remote or await self.held.is_over():
                await self._stop()

    async def _end(self, folder: Path) -> Report:
        """Run the job, whatever goes wrong, and tell what the API shall hear."""
        held, urls = self.held, {}
        try:
            outcome = await self._outcome(folder)
            urls = await self._lab.artifacts.store(outcome.files, outcome.needed)
            report = report_of(held.node, held.token, outcome, urls)
        except ClaimLost:
            raise
        except Exception as error:
            outcome = _trouble(error)
            report = report_of(held.node, held.token, outcome, urls)
            await self._stop()
        if outcome.device:
            self._notes.add(device=outcome.device)
        return report

    async def _report(self, report: Report) -> None:
        try:
            await self.held.report(report)
        except ApiError as error:
            log.warning("report refused", reason=repr(error))
            await self._report_less(report, str(error))
        JOBS.labels(report.outcome.result).inc()
        log.info("job reported", result=report.outcome.result)

    async def _report_less(self, report: Report, reason: str) -> None:
        """Report what the API may take: how the job ended and its log, if it can be."""
        try:
            await self.held.report(without_tests(report, reason))
        except ApiError as error:
            log.warning("report refused", reason=repr(error))
            await self.held.report(refused_report(report.token, reason))

    async def _outcome(self, folder: Path) -> RunOutcome:
        node = self.held.node
        images = {}
        definition = boot_definition(node)
        is_ours = self.handle is None and not self._lab.is_remote
        if is_ours and definition is not None:
            images = await self._lab.artifacts.fetch(definition.artifacts)
        job = LabJob(node, self.held.attempt, folder, images, self._tell)
        limit = self._lab.queue + _seconds(node)
        running = asyncio.create_task(self._submit_and_wait(job))
        try:
            await asyncio.wait({running}, timeout=limit)
            if not running.done():
                return await self._cut(running, limit)
            return running.result()
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    def _tell(self, progress: Progress) -> None:
        """Note how far a test is; of a build there is nothing to tell."""
        self._is_queued = progress is Progress.QUEUED
        if isinstance(self.held.node, Job):
            self._notes.tell(progress)

    async def _submit_and_wait(self, job: LabJob) -> RunOutcome:
        if self.handle is None:
            self.handle = await self._submit(job)
            log.info("job started", job_id=self.handle, attempt=job.attempt)
            self._notes.add(job_id=self.handle)
        outcome = await self._lab.dialect.wait(job, self.handle)
        self._is_over = True
        return outcome

    async def _submit(self, job: LabJob) -> str:
        """Give the lab a job; where that takes its time, the job is queued."""
        loop = asyncio.get_running_loop()
        queued = loop.call_later(AT_ONCE, self._tell, Progress.QUEUED)
        try:
            return await self._lab.dialect.submit(job)
        finally:
            queued.cancel()

    async def _cut(self, running: asyncio.Task[RunOutcome], limit: float) -> RunOutcome:
        """Stop a job that is over its time; keep what the lab has of it."""
        if self.handle is None or self._is_queued:
            raise CannotRun(f"the lab did not start the job within {limit:g} s")
        await self._stop()
        await asyncio.wait({running}, timeout=GRACE_SECONDS)
        ended = running.done() and not running.cancelled() and not running.exception()
        return replace(
            running.result() if ended else RunOutcome(Result.INCOMPLETE),
            result=Result.INCOMPLETE,
            error_code=ErrorCode.NODE_TIMEOUT,
            error_msg=f"over {limit:g} s",
        )

    async def _stop(self) -> None:
        """Have the lab stop the job and take its device back, if it has it still."""
        if self._is_over:
            return
        lab = self._lab.dialect
        try:
            async with asyncio.timeout(GRACE_SECONDS):
                handle = self.handle
                if handle is None and lab.is_remote:
                    handle = await lab.find(self.held.node.id)  # its answer was lost
                if handle is not None:
                    await lab.cancel(handle)
        except Exception:
            log.exception("job not stopped", job_id=self.handle)


def _progress(node: Node) -> Progress | None:
    return node.data.progress if isinstance(node, Job) else None


def _seconds(node: Node) -> float:
    if definition := boot_definition(node):
        return definition.timeout
    return getattr(node.data, "run_timeout", None) or WORK_SECONDS


def _trouble(error: Exception) -> RunOutcome:
    """Tell the outcome of a run that ended by an error."""
    if isinstance(error, CannotRun):
        return RunOutcome(Result.INCOMPLETE, error.error_code, str(error))
    log.exception("bug in the bridge", exc_info=error)
    said = f"unexpected {type(error).__name__} in the bridge: see its log"
    return RunOutcome(Result.INCOMPLETE, ErrorCode.BUG, said)

# SPDX-License-Identifier: LGPL-2.1-or-later
"""One claimed job, from the claim to the report."""

import asyncio
from pathlib import Path

from prometheus_client import Counter

from kci_shared.channels import patiently
from kci_shared.errors import ApiError
from kci_shared.logging import get_logger
from kci_shared.models import ErrorCode, Node, Report, Result
from kci_shared.work.errors import CannotRun
from kci_shared.work.held_node import ClaimLost, HeldNode
from kci_shared.work.outcome import RunOutcome
from kci_shared.work.report import refused_report, report_of, without_tests
from kci_shared.work.submission import Environment, Submission

log = get_logger(__name__)

JOBS = Counter("kci_jobs_total", "Jobs reported, by result", ["result"])


class JobRun:
    """A job that this bridge holds: it is reported, released, or dropped if lost."""

    def __init__(
        self, environment: Environment, held: HeldNode, handle: str | None = None
    ) -> None:
        """Run the job of a held node; `handle` is given if the lab has it already."""
        self._held = held
        self._environment = environment
        self._submission = Submission(environment, held, handle)
        self._is_reporting = False

    @property
    def node(self) -> Node:
        """The job's node, as it was claimed."""
        return self._held.node

    @property
    def is_starting(self) -> bool:
        """Whether the lab does not have the job yet."""
        return self._submission.handle is None

    @property
    def is_in_lab(self) -> bool:
        """Whether the lab has the job now."""
        return self._submission.is_in_lab

    async def run(self) -> None:
        """Run the job and report it; when cancelled, leave it to others."""
        workspace = self._environment.workspace
        with workspace.run(self.node.id, self._held.attempt) as folder:
            try:
                await self._run_while_held(folder)
            except asyncio.CancelledError:
                await self._leave(folder)
                raise

    def verify_claim(self) -> None:
        """Renew the claim now, unless it is our own report that ended it."""
        if not self._is_reporting:
            self._held.hurry()

    async def _leave(self, folder: Path) -> None:
        """Leave a remote lab's job running; stop and release any other."""
        if self._environment.dialect.is_remote:
            self._environment.workspace.leave(folder)
            log.info("job left running", job_id=self._submission.handle)
            return
        await self._submission.stop()
        await self._held.release("the bridge stops")

    async def _run_while_held(self, folder: Path) -> None:
        try:
            async with asyncio.TaskGroup() as tasks:
                heartbeat = tasks.create_task(self._held.keep())
                writing = tasks.create_task(self._submission.notes.write())
                report = await self._end(folder)
                await self._submission.notes.flush()
                writing.cancel()
                self._is_reporting = True
                await self._report(report)
                heartbeat.cancel()
        except* ClaimLost as lost:
            log.warning("claim lost", reason=str(lost.exceptions[0]))
            # the next holder takes a remote job over, so it ends only with its node
            is_remote = self._environment.dialect.is_remote
            if not is_remote or await self._held.is_over():
                await self._submission.stop()

    async def _end(self, folder: Path) -> Report:
        """Run the job and return its report, whatever goes wrong."""
        node, token, urls = self._held.node, self._held.token, {}
        try:
            outcome = await self._submission.outcome(folder)
            artifacts = self._environment.artifacts
            urls = await patiently(
                lambda: artifacts.store(outcome.files, outcome.needed)
            )
            report = report_of(node, token, outcome, urls)
        except ClaimLost:
            raise
        except Exception as error:
            outcome = _failure(error)
            report = report_of(node, token, outcome, urls)
            await self._submission.stop()
        if outcome.device:
            self._submission.notes.add(device=outcome.device)
        return report

    async def _report(self, report: Report) -> None:
        try:
            await self._held.report(report)
        except ApiError as error:
            log.warning("report refused", reason=repr(error))
            await self._report_less(report, str(error))
        JOBS.labels(report.outcome.result).inc()
        log.info("job reported", result=report.outcome.result)

    async def _report_less(self, report: Report, reason: str) -> None:
        """Report result and log without tests, or if need be only the refusal."""
        try:
            await self._held.report(without_tests(report, reason))
        except ApiError as error:
            log.warning("report refused", reason=repr(error))
            await self._held.report(refused_report(report.token, reason))


def _failure(error: Exception) -> RunOutcome:
    """Return the outcome of a run that ended by an exception."""
    if isinstance(error, CannotRun):
        return RunOutcome(Result.INCOMPLETE, error.error_code, str(error))
    log.exception("bug in the bridge", exc_info=error)
    message = f"unexpected {type(error).__name__} in the bridge: see its log"
    return RunOutcome(Result.INCOMPLETE, ErrorCode.BUG, message)

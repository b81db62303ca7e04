# SPDX-License-Identifier: LGPL-2.1-or-later
"""A LAVA lab as a dialect: its jobs continue while the bridge is down."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from kci_lava_bridge.answers import LavaJob
from kci_lava_bridge.callbacks import Callbacks, listening
from kci_lava_bridge.capacity import Capacity
from kci_lava_bridge.collect import collect_cases, collect_log, files_of
from kci_lava_bridge.definition import Callback, Order, build, dump
from kci_lava_bridge.jobs import (
    handle_of,
    is_of_node,
    read_job_definition,
    role_of,
)
from kci_lava_bridge.lab_file import Device, Lab
from kci_lava_bridge.lava import Lava
from kci_lava_bridge.refusals import LavaAway, LavaBroken
from kci_lava_bridge.settings import Settings
from kci_lava_bridge.translate import JobResults, combined, translate
from kci_lava_bridge.watch import IdReused, Watch
from kci_shared.errors import ChannelDown
from kci_shared.lab import LabError, NoDevice, read_definition
from kci_shared.logging import get_logger
from kci_shared.models import ErrorCode, Progress, Result
from kci_shared.work import CannotRun, Dialect, LabJob, RunOutcome
from kci_shared.work.probes import Probe, bad, good

log = get_logger(__name__)

SUBMIT_ATTEMPTS = 3
"""How often a job is submitted to a LAVA that answers with an internal error."""
PAUSE_S = 5.0
"""Between two attempts to submit."""


class LavaLab(Dialect):
    """Submits jobs to LAVA, waits for their ends, and finds them again.

    A job's name begins with its node's id, which is in its metadata, too. So a job is
    found, not resubmitted, if its submission got no answer or its bridge was killed.
    """

    kind = "lava"
    is_remote = True

    def __init__(self, lab: Lab, lava: Lava, settings: Settings) -> None:
        self.watch = Watch(lava, lab.poll)
        self.callbacks = Callbacks(
            settings.runtime, lab.read_token(), self.watch.look_at
        )
        self._lab = lab
        self._lava = lava
        self._settings = settings
        self._capacity = Capacity(lab, lava)
        self._cancelled: set[int] = set()
        self._user: str | None = None

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Serve LAVA's callbacks for as long as the bridge runs."""
        host, port = self._settings.callback_host, self._settings.callback_port
        async with listening(self.callbacks, host, port):
            yield

    async def slots(self) -> dict[str, int]:
        """Return how many more jobs LAVA should get, per platform."""
        return await self._capacity.slots()

    def capacity(self) -> dict[str, int]:
        """Return how many devices there are of each platform, by LAVA's last answer."""
        return self._capacity.devices

    async def submit(self, job: LabJob) -> str:
        """Submit a job, or find the one that LAVA has for this node."""
        try:
            handle = await self._submit(job, self._device(job))
        except BaseException:
            self.callbacks.forget(job.id, job.folder)
            raise
        job.progress(Progress.QUEUED)
        return handle

    async def _submit(self, job: LabJob, device: Device) -> str:
        definition = dump(build(self._lab, device, self._order(job)))
        may_exist = job.attempt > 1 or "released" in job.node.debug
        errors = 0
        while True:
            try:
                if may_exist and (handle := await self.find(job.id)):
                    return handle
                may_exist = True  # once it was sent, whatever the answer
                return await self._send(job, device, definition)
            except (LavaAway, ChannelDown) as error:
                log.warning("job not submitted yet", reason=str(error))
                errors += isinstance(error, LavaBroken)
                if errors == SUBMIT_ATTEMPTS:
                    raise
            await asyncio.sleep(PAUSE_S)

    def _device(self, job: LabJob) -> Device:
        if device := self._lab.devices.get(job.platform):
            return device
        platforms = ", ".join(self._lab.devices)
        raise NoDevice(f"this lab has no {job.platform}: it has {platforms}")

    def _order(self, job: LabJob) -> Order:
        callback = None
        if self._lab.callback:
            self.callbacks.expect(job.id, job.folder)
            url = self._lab.callback.rstrip("/") + self.callbacks.path(job.id)
            callback = Callback(url, self.callbacks.token(job.id))
        return Order(job.node, read_definition(job), self._settings.queue, callback)

    async def _send(self, job: LabJob, device: Device, definition: str) -> str:
        job_ids = await self._lava.submit(definition)
        self._capacity.take(device)
        if len(job_ids) == 1 and job_ids[0].isdigit():
            return job_ids[0]
        # a multinode job: "60.0" and "60.1" are not ids that LAVA's API knows
        handle = await self.find(job.id)
        if handle is None:
            raise LabError(f"LAVA does not list the jobs {', '.join(job_ids)}")
        return handle

    async def find(self, node_id: str) -> str | None:
        """Return the ids of a node's newest job, unless it was cancelled."""
        user, runtime = await self._whoami(), self._settings.runtime
        jobs = await self._lava.jobs_named(node_id)
        return handle_of(
            [job for job in jobs if is_of_node(job, node_id, runtime, user)]
        )

    async def _whoami(self) -> str:
        if self._user is None:
            self._user = await self._lava.whoami()
        return self._user

    async def wait(self, job: LabJob, handle: str) -> RunOutcome:
        """Wait until a job has ended, and fetch its results from LAVA."""
        job_ids = [int(job_id) for job_id in handle.split(",")]
        expected = self.callbacks.expect(job.id, job.folder)
        expected.job_ids.update(job_ids)
        expected.submitted.set()
        limit_s = read_definition(job).timeout
        try:
            ended = [
                await self.watch.end_of(job_id, job.id, limit_s, job.progress)
                for job_id in job_ids
            ]
        except IdReused as error:  # raised further, it would cancel the other job
            code = ErrorCode.INFRASTRUCTURE
            return RunOutcome(Result.INCOMPLETE, code, str(error))
        finally:
            self.callbacks.forget(job.id, job.folder)
        if len(ended) == 1:
            return await self._outcome(job, ended[0], job.folder)
        outcomes = {}
        for part in ended:
            folder = job.folder / str(part.id)
            folder.mkdir()
            name = f"{role_of(part)}-{part.id}"
            outcomes[name] = await self._outcome(job, part, folder)
        return combined(outcomes)

    async def _outcome(self, job: LabJob, ended: LavaJob, folder: Path) -> RunOutcome:
        cases = await collect_cases(self._lava, ended)
        facts = await collect_log(self._lava, ended, cases, folder)
        results = JobResults(
            job_id=ended.id,
            health=ended.health,
            cases=cases,
            facts=facts,
            device=ended.actual_device,
            why_canceled=self._why_cancelled(ended),
        )
        outcome = await asyncio.to_thread(
            translate, read_definition(job).tests, results
        )
        files = files_of(folder, read_job_definition(ended))
        url = f"{self._lab.url.rstrip('/')}/scheduler/job/{ended.id}"
        return replace(outcome, files=files, data={**outcome.data, "job_url": url})

    def _why_cancelled(self, job: LavaJob) -> str:
        """Say who cancelled a job, which LAVA does not."""
        if job.id in self._cancelled:
            return "stopped by the bridge"
        if job.start_time is None:
            return "LAVA had no device for it in time, or somebody canceled it"
        return "somebody canceled it in LAVA"

    async def cancel(self, handle: str) -> None:
        """Cancel a job in LAVA."""
        for job_id in map(int, handle.split(",")):
            self._cancelled.add(job_id)
            await self._lava.cancel(job_id)
            self.watch.look_at(job_id)

    async def recover(self) -> dict[str, str]:
        """Clean up nothing: LAVA's jobs continue, and are found by their nodes."""
        return {}

    async def check(self) -> list[Probe]:
        """Try LAVA, our user there, and whether each platform has a device."""
        try:
            user = await self._lava.whoami()
        except (CannotRun, ChannelDown) as error:
            advice = "correct `url` and `token_file` in the lab's file"
            return [bad("LAVA", str(error), advice)]
        if not user:
            advice = "make a token on LAVA's page /api/tokens/, put it in `token_file`"
            return [bad("LAVA", "LAVA does not accept the token", advice)]
        answers = good("LAVA", f"{self._lab.url} answers; we are {user}")
        return [answers, *await self._capacity.check()]

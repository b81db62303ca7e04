# SPDX-License-Identifier: LGPL-2.1-or-later
"""A LAVA lab as bridges see it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from kci_lava_bridge.callbacks import Desk, listening
from kci_lava_bridge.capacity import Capacity
from kci_lava_bridge.collect import collect_cases, collect_log, files_of
from kci_lava_bridge.definition import Callback, Order, build, dump
from kci_lava_bridge.lab import Device, Lab
from kci_lava_bridge.lava import Health, Lava, LavaAway, LavaBroken, LavaJob, State
from kci_lava_bridge.results import read_yaml
from kci_lava_bridge.settings import Settings
from kci_lava_bridge.translate import Run, combined, translate
from kci_lava_bridge.watch import NumberReused, Watch
from kci_shared.lab import LabError, NoDevice, read_definition
from kci_shared.logging import get_logger
from kci_shared.models import ErrorCode, Progress, Result
from kci_shared.work import CannotRun, Dialect, LabJob, RunOutcome
from kci_shared.work.probes import Probe, bad, good

log = get_logger(__name__)

SUBMITS = 3
"""How often LAVA is given a job that it answers by an error of its own."""
PAUSE = 5.0
"""Between two attempts, in seconds."""


class LavaLab(Dialect):
    """Gives LAVA its jobs, waits for their ends, and finds them again.

    A job's name begins with its node's id, and its metadata hold it: so a job whose
    answer was lost, or whose bridge was killed, is found instead of submitted again.
    """

    kind = "lava"
    is_remote = True

    def __init__(self, lab: Lab, lava: Lava, settings: Settings) -> None:
        self.watch = Watch(lava, lab.poll)
        self.desk = Desk(settings.runtime, lab.read_token(), self.watch.call)
        self._lab = lab
        self._lava = lava
        self._settings = settings
        self._capacity = Capacity(lab, lava)
        self._canceled: set[int] = set()
        self._user: str | None = None

    async def slots(self) -> dict[str, int]:
        """Tell how many jobs LAVA has room for."""
        return await self._capacity.slots()

    def capacity(self) -> dict[str, int]:
        """Tell how many devices there are of each platform, as LAVA said last."""
        return self._capacity.devices

    async def submit(self, job: LabJob) -> str:
        """Give LAVA a job, or find the one that it has of this node already."""
        try:
            handle = await self._submit(job, self._device(job))
        except BaseException:
            self.desk.forget(job.id, job.folder)
            raise
        job.progress(Progress.QUEUED)
        return handle

    async def _submit(self, job: LabJob, device: Device) -> str:
        definition = dump(build(self._lab, device, self._order(job)))
        may_be_there = job.attempt > 1 or "released" in job.node.debug
        errors = 0
        while True:
            try:
                if may_be_there and (handle := await self.find(job.id)):
                    return handle
                may_be_there = True  # once it was sent, whatever the answer
                return await self._send(job, device, definition)
            except LavaAway as error:
                log.warning("job not submitted yet", reason=str(error))
                errors += isinstance(error, LavaBroken)
                if errors == SUBMITS:
                    raise
            await asyncio.sleep(PAUSE)

    def _device(self, job: LabJob) -> Device:
        platform = job.platform
        if platform not in self._lab.devices:
            known = ", ".join(self._lab.devices)
            raise NoDevice(f"this lab has no {platform}, but {known}")
        return self._lab.devices[platform]

    def _order(self, job: LabJob) -> Order:
        callback = None
        if self._lab.callback:
            self.desk.expect(job.id, job.folder)
            url = self._lab.callback.rstrip("/") + self.desk.path(job.id)
            callback = Callback(url, self.desk.token(job.id))
        return Order(job.node, read_definition(job), self._settings.queue, callback)

    async def _send(self, job: LabJob, device: Device, definition: str) -> str:
        told = await self._lava.submit(definition)
        self._capacity.take(device)
        if len(told) == 1 and told[0].isdigit():
            return told[0]
        # "60.0" and "60.1" are no ids that LAVA would know; what it has are two more
        handle = await self.find(job.id)
        if handle is None:
            raise LabError(f"LAVA does not tell of the jobs {', '.join(told)}")
        return handle

    async def find(self, node_id: str) -> str | None:
        """Return the ids of the newest job of a node, unless it was cancelled."""
        if self._user is None:
            self._user = await self._lava.whoami()
        described = await self._lava.jobs_described(node_id)
        ours = [job for job in described if self._is_of(job, node_id)]
        if not ours:
            return None
        group = _group(ours[0])
        jobs = [job for job in ours if group and _group(job) == group] or ours[:1]
        if any(_is_canceled(job) for job in jobs):
            return None
        return ",".join(str(job_id) for job_id in sorted(job.id for job in jobs))

    def _is_of(self, job: LavaJob, node_id: str) -> bool:
        """Say whether a job is a node's: anybody may name a job as ours are named."""
        about = _said(job).get("metadata")
        wanted = {"node_id": node_id, "runtime": self._settings.runtime}
        return (
            job.submitter == self._user
            and isinstance(about, dict)
            and wanted.items() <= about.items()
        )

    async def wait(self, job: LabJob, handle: str) -> RunOutcome:
        """Wait until a job has ended, and fetch what LAVA has of it."""
        job_ids = [int(job_id) for job_id in handle.split(",")]
        expected = self.desk.expect(job.id, job.folder)
        expected.job_ids.update(job_ids)
        expected.known.set()
        limit = read_definition(job).timeout
        try:
            ended = [
                await self.watch.end_of(job_id, job.id, limit, job.progress)
                for job_id in job_ids
            ]
        except NumberReused as error:  # raised on, it would have that job stopped
            code = ErrorCode.INFRASTRUCTURE
            return RunOutcome(Result.INCOMPLETE, code, str(error))
        finally:
            self.desk.forget(job.id, job.folder)
        if len(ended) == 1:
            return await self._outcome(job, ended[0], job.folder)
        outcomes = {}
        for part in ended:
            name = f"{_role(part)}-{part.id}"
            folder = job.folder / str(part.id)
            folder.mkdir()
            outcomes[name] = await self._outcome(job, part, folder)
        return combined(outcomes)

    async def _outcome(self, job: LabJob, ended: LavaJob, folder: Path) -> RunOutcome:
        cases = await collect_cases(self._lava, ended)
        facts = await collect_log(self._lava, ended, cases, folder)
        run = Run(
            job_id=ended.id,
            health=ended.health,
            cases=cases,
            facts=facts,
            device=ended.actual_device,
            why_canceled=self._why_canceled(ended),
        )
        outcome = await asyncio.to_thread(translate, read_definition(job).tests, run)
        files = files_of(folder, _said(ended))
        url = f"{self._lab.url.rstrip('/')}/scheduler/job/{ended.id}"
        return replace(outcome, files=files, data={**outcome.data, "job_url": url})

    def _why_canceled(self, job: LavaJob) -> str:
        """Tell our own cancels from others, which LAVA does not."""
        if job.id in self._canceled:
            return "stopped by the bridge"
        if job.start_time is None:
            return "LAVA had no device for it in time, or somebody canceled it"
        return "somebody canceled it in LAVA"

    async def cancel(self, handle: str) -> None:
        """Have LAVA stop a job."""
        for job_id in map(int, handle.split(",")):
            self._canceled.add(job_id)
            await self._lava.cancel(job_id)
            self.watch.call(job_id)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Take LAVA's callbacks for as long as the bridge runs."""
        host, port = self._settings.callback_host, self._settings.callback_port
        async with listening(self.desk, host, port):
            yield

    async def recover(self) -> dict[str, str]:
        """Clean up nothing: LAVA's jobs go on, and are found by their nodes."""
        return {}

    async def check(self) -> list[Probe]:
        """Try LAVA, our user there, and whether each device could run a job."""
        try:
            user = await self._lava.whoami()
        except CannotRun as error:
            advice = "correct `url` and `token_file` in the lab's file"
            return [bad("LAVA", str(error), advice)]
        if not user:
            advice = "make a token on LAVA's page /api/tokens/, put it in `token_file`"
            return [bad("LAVA", "our token is nobody's", advice)]
        answers = good("LAVA", f"{self._lab.url} answers; we are {user}")
        return [answers, *await self._capacity.check()]


def _said(job: LavaJob) -> dict[str, Any]:
    """Return a job's definition."""
    try:
        said = read_yaml(job.definition)
    except LabError:
        return {}
    return said if isinstance(said, dict) else {}


def _multinode(job: LavaJob) -> dict[str, Any]:
    protocols = _said(job).get("protocols")
    part = protocols.get("lava-multinode") if isinstance(protocols, dict) else None
    return part if isinstance(part, dict) else {}


def _group(job: LavaJob) -> str | None:
    return _multinode(job).get("target_group")


def _role(job: LavaJob) -> str:
    return str(_multinode(job).get("role", "device"))


def _is_canceled(job: LavaJob) -> bool:
    return job.state is State.CANCELING or job.health is Health.CANCELED

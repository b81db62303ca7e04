# SPDX-License-Identifier: LGPL-2.1-or-later
"""QEMU processes on this machine as a dialect."""

import os
import shutil
from dataclasses import replace
from pathlib import Path

from kci_local_bridge.console import Console, Stopped
from kci_local_bridge.machine import Machine, first_line, kill_leftover
from kci_local_bridge.qemu import processor, qemu_command
from kci_local_bridge.rules import check
from kci_local_bridge.session import Session
from kci_local_bridge.settings import Settings
from kci_shared.lab import LabError, read_definition
from kci_shared.logging import get_logger
from kci_shared.models import ErrorCode, Progress, Result
from kci_shared.rules.artifacts import LOG
from kci_shared.work import CannotRun, Dialect, LabJob, RunOutcome
from kci_shared.work.probes import Probe, bad, good, odd
from kci_shared.work.workspace import left_behind

log = get_logger(__name__)

PID_FILE = "qemu.pid"
KVM = Path("/dev/kvm")


class LocalLab(Dialect):
    """Runs each job on a machine of its own, which exists as long as the job."""

    kind = "local"

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._machines: dict[str, Machine] = {}

    async def slots(self) -> dict[str, int]:
        """Return how many machines could start now."""
        if shutil.which(self._settings.qemu) is None:
            raise LabError(f"{self._settings.qemu} is not installed: install it")
        free = self._settings.max_jobs - len(self._machines)
        return {self._settings.platform: max(0, free)}

    async def submit(self, job: LabJob) -> str:
        """Power a machine on, unless this job has one."""
        check(read_definition(job))
        handle = f"qemu-{job.id}"
        if handle not in self._machines:
            pid_file = job.folder / PID_FILE
            command = qemu_command(self._settings, handle, job.images, pid_file)
            command += processor(kvm=self._has_kvm())
            self._machines[handle] = await Machine.start(command)
            job.progress(Progress.BOOTING)
        return handle

    def _has_kvm(self) -> bool:
        return self._settings.kvm and os.access(KVM, os.R_OK | os.W_OK)

    async def wait(self, job: LabJob, handle: str) -> RunOutcome:
        """Run the job on its machine; the console is always stored as its log."""
        if handle not in self._machines:
            raise LabError(f"job {handle} no longer exists")
        machine = self._machines[handle]
        console_log = job.folder / "console.log"
        try:
            with console_log.open("wb") as file:
                session = Session(Console(machine, file), self._settings, job.progress)
                outcome = await _outcome(session, job)
        finally:
            await self.cancel(handle)
        return replace(outcome, device=handle, files={LOG: console_log})

    async def cancel(self, handle: str) -> None:
        """Power a job's machine off."""
        if machine := self._machines.get(handle):
            await machine.stop()
            self._machines.pop(handle, None)

    async def recover(self) -> dict[str, str]:
        """Kill the machines of killed bridges, whose jobs are claimed again."""
        for folder in left_behind(self._settings.runs):
            for pid_file in folder.glob(f"*/{PID_FILE}"):
                if kill_leftover(pid_file):
                    log.info("left-over machine killed", pid_file=str(pid_file))
        return {}

    async def check(self) -> list[Probe]:
        """Try QEMU and KVM."""
        program = self._settings.qemu
        try:
            version = await first_line([program, "--version"])
        except LabError as error:
            return [bad("QEMU", str(error), "install it, or set KCI_QEMU")]
        platform, most = self._settings.platform, self._settings.max_jobs
        size = f"{most} machines of {self._settings.memory} MiB at once"
        probes = [good("QEMU", version), good(platform, size)]
        if self._settings.kvm and not self._has_kvm():
            message = f"{KVM} cannot be opened: machines are emulated, and slow"
            probes.append(odd("KVM", message, "join the group kvm, or unset KCI_KVM"))
        return probes


async def _outcome(session: Session, job: LabJob) -> RunOutcome:
    """Run the session to its end; turn errors into outcomes, so that there is a log."""
    try:
        return await session.run(read_definition(job).tests)
    except CannotRun as error:
        return RunOutcome(Result.INCOMPLETE, error.error_code, str(error))
    except Stopped:
        message = "the machine was switched off by the bridge"
        code = ErrorCode.CANCELED
        return RunOutcome(Result.INCOMPLETE, code, message, tests=session.tests)

# SPDX-License-Identifier: LGPL-2.1-or-later
"""The base class of every lab, cluster or queue that a bridge runs work on."""

from abc import ABC, abstractmethod
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import ClassVar

from kci_shared.work.outcome import LabJob, RunOutcome
from kci_shared.work.probes import Probe, good, odd


class Dialect(ABC):
    """Five calls that a dialect must implement, and hooks that it may override.

    Each call raises `CannotRun` (labs: `LabError`) if the work or the lab is at fault.
    """

    kind: ClassVar[str] = "lab"
    """Registered with the API: what the runtime is, such as `lava`."""
    is_remote: ClassVar[bool] = False
    """True if jobs continue while the bridge is down, and the lab fetches artifacts
    itself. Then `find` must be implemented: the node's next holder takes its job over.
    """

    @abstractmethod
    async def slots(self) -> dict[str, int]:
        """Return, per platform, how many jobs could start now; 0 if busy or offline."""

    @abstractmethod
    async def submit(self, job: LabJob) -> str:
        """Start a job and return the lab's id of it; idempotent per job id.

        Leaves nothing behind when it is cancelled half-way.
        """

    @abstractmethod
    async def wait(self, job: LabJob, handle: str) -> RunOutcome:
        """Return a job's outcome once it has ended; soon after `cancel`, too."""

    @abstractmethod
    async def cancel(self, handle: str) -> None:
        """Stop a job and release its device; no error if the job is gone."""

    @abstractmethod
    async def recover(self) -> dict[str, str]:
        """Clean up after a crash; return node id -> handle of jobs that still run."""

    async def find(self, node_id: str) -> str | None:
        """Return the lab's id of a node's job, or None if the lab has none.

        Called before a remote lab's job is submitted again, taken over or stopped.
        """
        del node_id
        return None

    def capacity(self) -> dict[str, int] | None:
        """Return, per platform, how many jobs can run at once, busy or not.

        Called after each `slots`. None: the bridge adds up free slots and its own jobs.
        """
        return None

    def facts(self) -> dict[str, str]:
        """Return more about the runtime, such as its version.

        Called before each registration, once a minute.
        """
        return {}

    async def check(self) -> list[Probe]:
        """Try the lab's server and each device, and say what to do about faults.

        Called by `--check` only.
        """
        return [
            good(platform, f"{count} jobs could start now")
            if count
            else odd(platform, "no job could start now", "is it busy, or offline?")
            for platform, count in (await self.slots()).items()
        ]

    def serving(self) -> AbstractAsyncContextManager[None]:
        """Run what the dialect serves, such as callbacks, while the context is open.

        Called when the bridge starts, but not by `--check`.
        """
        return nullcontext()

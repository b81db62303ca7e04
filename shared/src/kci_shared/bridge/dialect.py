# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a lab must be able to say, and what can go wrong there."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Protocol

from kci_shared.bridge.definition import Definition
from kci_shared.errors import KciError
from kci_shared.models import ErrorCode, Result


class LabError(KciError):
    """The lab cannot run the job: nothing can be said about the kernel."""

    error_code: ClassVar[ErrorCode] = ErrorCode.INFRASTRUCTURE


class BadJob(LabError):
    """The job itself is wrong; no lab could run it."""

    error_code = ErrorCode.INVALID_JOB_PARAMS


class NoDevice(LabError):
    """The lab has no device that fits."""

    error_code = ErrorCode.CONFIGURATION


@dataclass(frozen=True)
class LabJob:
    """One job as a lab sees it."""

    id: str
    """The node's id: the lab's key for everything that it keeps of this job."""
    name: str
    platform: str
    definition: Definition
    images: dict[str, Path]
    """The definition's artifacts, fetched and checked."""
    folder: Path
    """An empty folder for this run; what lies there afterwards is not kept."""


@dataclass(frozen=True)
class TestOutcome:
    """One verdict; `path` is below the job, such as ("smoke", "proc-mounted")."""

    __test__ = False  # pytest shall not collect it

    path: tuple[str, ...]
    result: Result
    error_msg: str | None = None


@dataclass(frozen=True)
class RunOutcome:
    """How a run ended, in the lab's eyes."""

    result: Result
    error_code: ErrorCode | None = None
    error_msg: str | None = None
    device: str | None = None
    tests: list[TestOutcome] = field(default_factory=list)
    files: dict[str, Path] = field(default_factory=dict)
    """Artifacts to store, by name: `log` is the console."""


class Dialect(Protocol):
    """A lab in five calls. Each raises `LabError` when the lab is at fault."""

    async def slots(self) -> dict[str, int]:
        """Tell for each platform how many jobs could start now; 0 = busy, offline."""
        ...

    async def submit(self, job: LabJob) -> str:
        """Start a job, once for its id however often called; return the lab's id."""
        ...

    async def wait(self, job: LabJob, handle: str) -> RunOutcome:
        """Wait until a job has ended, and tell how."""
        ...

    async def cancel(self, handle: str) -> None:
        """Stop a job and give its device back; no error when it is gone."""
        ...

    async def recover(self) -> dict[str, str]:
        """Clean up after a former life; return node id -> handle of what still runs."""
        ...

# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a lab must be able to say, and what can go wrong there."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol, TypeVar, runtime_checkable

from pydantic import BaseModel, ValidationError

from kci_shared.errors import KciError
from kci_shared.models import ErrorCode, Job, Node, Progress, Result, State
from kci_shared.models.definition import Definition

M = TypeVar("M", bound=BaseModel)


class LabError(KciError):
    """The lab cannot run the job: nothing can be said about the kernel."""

    error_code: ClassVar[ErrorCode] = ErrorCode.INFRASTRUCTURE


class BadJob(LabError):
    """The job itself is wrong; no lab could run it."""

    error_code = ErrorCode.INVALID_JOB_PARAMS


class NoDevice(LabError):
    """The lab has no device that fits."""

    error_code = ErrorCode.CONFIGURATION


def _nobody(_: Progress) -> None:
    """Hear of progress, and do nothing."""


@dataclass(frozen=True)
class LabJob:
    """One job as a lab sees it."""

    node: Node
    attempt: int
    """Above 1: somebody held the job before, and may have begun it."""
    folder: Path
    """An empty folder for this run; what lies there afterwards is not kept."""
    images: dict[str, Path] = field(default_factory=dict)
    """The definition's artifacts, fetched and checked; empty for an adopted job, and
    in a lab that fetches them itself."""
    tell: Callable[[Progress], None] = _nobody
    """To be called as the run gets on; at once, and as often as one likes."""

    @property
    def id(self) -> str:
        """The node's id: the lab's key for everything that it keeps of this job."""
        return self.node.id

    @property
    def name(self) -> str:
        """What is run, such as `boot`."""
        return self.node.name

    @cached_property
    def definition(self) -> Definition:
        """What shall run; raises `BadJob` when the node has no sound definition."""
        return read_definition(self.node)


def has_definition(node: Node) -> bool:
    """Say whether a node tells what to boot; other work, such as a mail, does not."""
    return isinstance(node, Job) and node.data.definition is not None


def read_definition(node: Node) -> Definition:
    """Return what a node's `data.definition` says; `BadJob` names what is wrong."""
    return definition_of(node, Definition)


def definition_of(node: Node, kind: type[M]) -> M:
    """Return a node's `data.definition`; `BadJob` names what is wrong with it."""
    try:
        return kind.model_validate(getattr(node.data, "definition", None))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, ("data.definition", *first["loc"])))
        raise BadJob(f"{where}: {first['msg']}") from error


@dataclass(frozen=True)
class TestOutcome:
    """One verdict; `path` is below the job, such as ("smoke", "proc-mounted")."""

    __test__ = False  # pytest shall not collect it

    path: tuple[str, ...]
    result: Result
    error_msg: str | None = None
    error_code: ErrorCode | None = None
    data: dict[str, Any] = field(default_factory=dict)
    """What else is known of the test, such as a measurement."""


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
    artifacts: dict[str, str] = field(default_factory=dict)
    """URLs of those that the lab itself has stored."""
    needed: frozenset[str] = frozenset()
    """Those without which the outcome is worth nothing."""
    data: dict[str, Any] = field(default_factory=dict)
    """What else is known of the node now, for its `data`."""
    state: Literal[State.AVAILABLE, State.DONE] = State.DONE


class Dialect(Protocol):
    """A lab in five calls. Each raises `LabError` when the lab is at fault."""

    async def slots(self) -> dict[str, int]:
        """Tell for each platform how many jobs could start now; 0 = busy, offline."""
        ...

    async def submit(self, job: LabJob) -> str:
        """Start a job, once for its id however often called; return the lab's id.

        When it is cancelled half-way it leaves nothing behind.
        """
        ...

    async def wait(self, job: LabJob, handle: str) -> RunOutcome:
        """Wait until a job has ended, and tell how; soon after `cancel`, too."""
        ...

    async def cancel(self, handle: str) -> None:
        """Stop a job and give its device back; no error when it is gone."""
        ...

    async def recover(self) -> dict[str, str]:
        """Clean up after a former life; return node id -> handle of what still runs."""
        ...


@runtime_checkable
class RemoteDialect(Dialect, Protocol):
    """A lab that runs jobs by itself, and fetches their artifacts.

    Its jobs go on while their bridge is away, and whoever holds the node then takes
    them over: so `submit` looks for the job first, if one may be there.
    """

    async def find(self, node_id: str) -> str | None:
        """Return the lab's id of the job that it has for a node, if it has one."""
        ...

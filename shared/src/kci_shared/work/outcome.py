# SPDX-License-Identifier: LGPL-2.1-or-later
"""A job as it is given to a dialect, and how its run ended."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from kci_shared.models import ErrorCode, Node, Progress, Result, State


def _ignore(_: Progress) -> None:
    """Drop a report of progress."""


@dataclass(frozen=True)
class LabJob:
    """One job as a dialect sees it."""

    node: Node
    attempt: int
    """Above 1: the job was claimed before, and may have been started."""
    folder: Path
    """An empty folder for this run; it is removed after the run."""
    images: dict[str, Path] = field(default_factory=dict)
    """The definition's artifacts, fetched and verified. Empty for an adopted job, and
    for a remote lab, which fetches them itself."""
    progress: Callable[[Progress], None] = _ignore
    """Reports progress to the API; returns at once, may be called any time."""

    @property
    def id(self) -> str:
        """The node's id: the key for everything that a lab keeps of this job."""
        return self.node.id

    @property
    def name(self) -> str:
        """The node's name, such as `boot`."""
        return self.node.name

    @property
    def platform(self) -> str:
        """The platform that the node asks for; "None" if it asks for none."""
        return str(getattr(self.node.data, "platform", None))


@dataclass(frozen=True)
class TestOutcome:
    """The result of one test; `path` is below the job: ("smoke", "proc-mounted")."""

    __test__ = False  # pytest shall not collect it

    path: tuple[str, ...]
    result: Result
    error_msg: str | None = None
    error_code: ErrorCode | None = None
    data: dict[str, Any] = field(default_factory=dict)
    """More fields for the test node's `data`, such as a measurement."""


@dataclass(frozen=True)
class RunOutcome:
    """How a run ended."""

    result: Result
    error_code: ErrorCode | None = None
    error_msg: str | None = None
    device: str | None = None
    tests: list[TestOutcome] = field(default_factory=list)
    files: dict[str, Path] = field(default_factory=dict)
    """Artifacts to store, by name: `log` is the console log."""
    artifacts: dict[str, str] = field(default_factory=dict)
    """URLs of artifacts that the lab has stored itself."""
    needed: frozenset[str] = frozenset()
    """Names of artifacts without which the result must not be reported."""
    data: dict[str, Any] = field(default_factory=dict)
    """More fields for the node's `data`."""
    state: Literal[State.AVAILABLE, State.DONE] = State.DONE

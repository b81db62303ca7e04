# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which nodes compare with which, and what each says of the kernel."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, Self, TypeGuard

from kci_regression_tracker.history import Run
from kci_shared.models import (
    Job,
    Kbuild,
    Kind,
    Node,
    Regression,
    Result,
    Revision,
    State,
    Test,
)
from kci_shared.rules.attempts import setup_of
from kci_shared.rules.verdicts import fault_of, is_settled

Ran = Kbuild | Job | Test
"""What runs again with every revision."""

VERDICTS = (Result.PASS, Result.FAIL)
BETWEEN_TAGS = re.compile(r"-\d+-g[0-9a-f]{7,40}(-dirty)?$")
"""How the describe of a revision ends that is no tag."""


def is_run(node: Node | None) -> TypeGuard[Ran]:
    """Say whether a node ran, to its end, on a revision of a branch.

    A patch under review is no revision of the branch.
    """
    return (
        isinstance(node, Ran)
        and node.state is State.DONE
        and node.data.kernel_revision is not None
        and node.data.kernel_revision.patchset is None
    )


def is_comparable(node: Node | None) -> TypeGuard[Ran]:
    """Say whether a node has a final verdict on a revision of a branch."""
    return is_run(node) and node.result in VERDICTS and is_settled(node)


def revision(node: Node) -> Revision:
    """Return the revision that a node ran."""
    assert node.data.kernel_revision is not None
    return node.data.kernel_revision


@dataclass(frozen=True)
class Series:
    """One test on one kind of board: what makes two nodes the same, but a revision."""

    kind: Kind
    tree: str
    branch: str
    path: tuple[str, ...]
    platform: str | None
    arch: str | None
    compiler: str | None
    defconfig: str | None
    config_full: str | None

    @classmethod
    def of(cls, node: Ran) -> Self:
        """Return what a node is one run of."""
        return cls._of(node.kind, node)

    @classmethod
    def _of(cls, kind: Kind, node: Ran | Regression) -> Self:
        said = node.data
        return cls(
            kind=kind,
            tree=revision(node).tree,
            branch=revision(node).branch,
            path=tuple(node.path),
            platform=said.platform,
            arch=said.arch,
            compiler=said.compiler,
            defconfig=said.defconfig,
            config_full=said.config_full,
        )

    @property
    def name(self) -> str:
        """Name of its nodes."""
        return self.path[-1]

    @property
    def key(self) -> str:
        """The series in few letters: the same for ever."""
        said = [str(asdict(self)[name]) for name in sorted(asdict(self))]
        return sha256("\n".join(said).encode(errors="replace")).hexdigest()[:32]

    def query(self, kind: Kind) -> dict[str, str]:
        """Return what to ask the API for: just what one index has, and no more."""
        return {
            "kind": kind.value,
            "name": self.name,
            "data.kernel_revision.tree": self.tree,
            "data.kernel_revision.branch": self.branch,
            "data.platform": "null" if self.platform is None else self.platform,
        }

    def has(self, node: Node) -> TypeGuard[Ran]:
        """Say whether a node is a run of this."""
        return is_comparable(node) and self.of(node) == self

    def broke(self, node: Node) -> TypeGuard[Regression]:
        """Say whether a regression is one of this."""
        return (
            isinstance(node, Regression)
            and node.data.kernel_revision is not None
            and self._of(self.kind, node) == self
        )


@dataclass(frozen=True)
class Above:
    """What a test's job says of it: where it ran is what it is worth."""

    is_settled: bool
    result: Result | None
    depth: int
    """How long the job's path is."""
    fault: str | None
    """Signature of the first fault in the log."""

    @classmethod
    def of(cls, node: Node) -> Self:
        """Return what matters of a job, a build, or whatever else a test hangs on."""
        depth = len(node.path)
        fault = fault_of(node)
        signature = fault.signature if fault else None
        return cls(is_settled(node), node.result, depth, signature)


def as_run(node: Ran, above: Above, began: datetime) -> Run:
    """Return a comparable node as its history sees it."""
    failed = node.result is Result.FAIL
    return Run(
        id=node.id,
        commit=revision(node).commit,
        began=began,
        created=node.created,
        passed=not failed,
        treeid=node.treeid or "",
        on_tag=is_tag(revision(node)),
        proven=failed and (isinstance(node, Kbuild) or above.fault is not None),
    )


def is_tag(said: Revision) -> bool:
    """Say whether a revision is one that has a name of its own."""
    if said.commit_tags:
        return True
    return bool(said.describe) and not BETWEEN_TAGS.search(said.describe or "")


def issue_of(node: Ran, above: Above) -> str:
    """Name the cause of a failure: the same on every board, and for every build.

    It is the fault in the log. Where there is none: the same test, broken by the same
    commit.
    """
    if above.fault:
        return above.fault
    at = revision(node)
    test = node.path[above.depth - 1 :] or node.path
    said = "\n".join([at.tree, at.branch, at.commit, *test])
    return sha256(said.encode(errors="replace")).hexdigest()[:16]


Nodes = Mapping[str, Ran]
"""The runs of a series by their ids."""


def described(node: Ran) -> dict[str, Any]:
    """Return what a regression repeats of the run that failed first."""
    return {
        **setup_of(node),
        "device": getattr(node.data, "device", None),
        "error_code": node.data.error_code,
        "error_msg": node.data.error_msg,
    }

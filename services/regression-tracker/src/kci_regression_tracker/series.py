# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which nodes compare with each other, and what each says about the kernel; pure."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, Self, TypeGuard

from kci_regression_tracker.breaks import Sample
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

RunNode = Kbuild | Job | Test
"""Nodes that run again with every revision."""

VERDICTS = (Result.PASS, Result.FAIL)
BETWEEN_TAGS = re.compile(r"-\d+-g[0-9a-f]{7,40}(-dirty)?$")
"""The end of a `describe` that is not a tag."""


def is_run(node: Node | None) -> TypeGuard[RunNode]:
    """Say whether a node is done, and ran on a revision of a branch.

    Patches under review are no revisions of the branch.
    """
    return (
        isinstance(node, RunNode)
        and node.state is State.DONE
        and node.data.kernel_revision is not None
        and node.data.kernel_revision.patchset is None
    )


def is_comparable(node: Node | None) -> TypeGuard[RunNode]:
    """Say whether a node has finally passed or failed on a revision of a branch."""
    return is_run(node) and node.result in VERDICTS and is_settled(node)


def revision(node: Node) -> Revision:
    """Return the revision that a node ran on."""
    assert node.data.kernel_revision is not None
    return node.data.kernel_revision


@dataclass(frozen=True)
class Series:
    """One test in one setup: its nodes differ in nothing but the revision."""

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
    def of(cls, node: RunNode) -> Self:
        """Return the series that a node is a run of."""
        return cls._of(node.kind, node)

    @classmethod
    def _of(cls, kind: Kind, node: RunNode | Regression) -> Self:
        data = node.data
        return cls(
            kind=kind,
            tree=revision(node).tree,
            branch=revision(node).branch,
            path=tuple(node.path),
            platform=data.platform,
            arch=data.arch,
            compiler=data.compiler,
            defconfig=data.defconfig,
            config_full=data.config_full,
        )

    @property
    def name(self) -> str:
        """The name of its nodes."""
        return self.path[-1]

    @property
    def key(self) -> str:
        """A hash of the series; it must never change."""
        values = [str(asdict(self)[name]) for name in sorted(asdict(self))]
        return sha256("\n".join(values).encode(errors="replace")).hexdigest()[:32]

    def query(self, kind: Kind) -> dict[str, str]:
        """Return filters for the API: only fields of one index."""
        return {
            "kind": kind.value,
            "name": self.name,
            "data.kernel_revision.tree": self.tree,
            "data.kernel_revision.branch": self.branch,
            "data.platform": "null" if self.platform is None else self.platform,
        }

    def has(self, node: Node) -> TypeGuard[RunNode]:
        """Say whether a node is a run of this series."""
        return is_comparable(node) and self.of(node) == self

    def broke(self, node: Node) -> TypeGuard[Regression]:
        """Say whether a node is a regression of this series."""
        return (
            isinstance(node, Regression)
            and node.data.kernel_revision is not None
            and self._of(self.kind, node) == self
        )


@dataclass(frozen=True)
class Above:
    """What the job above a test says about the test's result."""

    is_settled: bool
    result: Result | None
    depth: int
    """Length of the job's path."""
    fault: str | None
    """Signature of the first fault in the job's log."""

    @classmethod
    def of(cls, node: Node) -> Self:
        """Return what matters of a job, a build, or another node above a test."""
        depth = len(node.path)
        fault = fault_of(node)
        signature = fault.signature if fault else None
        return cls(is_settled(node), node.result, depth, signature)


def sample_of(node: RunNode, above: Above, began: datetime) -> Sample:
    """Return a comparable node as a sample."""
    failed = node.result is Result.FAIL
    return Sample(
        id=node.id,
        commit=revision(node).commit,
        began=began,
        created=node.created,
        passed=not failed,
        treeid=node.treeid or "",
        on_tag=is_tag(revision(node)),
        proven=failed and (isinstance(node, Kbuild) or above.fault is not None),
    )


def is_tag(at: Revision) -> bool:
    """Say whether a revision is tagged."""
    if at.commit_tags:
        return True
    return bool(at.describe) and not BETWEEN_TAGS.search(at.describe or "")


def issue_of(node: RunNode, above: Above) -> str:
    """Return an id of a failure's cause: the same on all platforms and for all builds.

    It is the signature of the fault in the log, else a hash of commit and test.
    """
    if above.fault:
        return above.fault
    at = revision(node)
    test = node.path[above.depth - 1 :] or node.path
    text = "\n".join([at.tree, at.branch, at.commit, *test])
    return sha256(text.encode(errors="replace")).hexdigest()[:16]


Nodes = Mapping[str, RunNode]
"""The runs of a series by their ids."""


def described(node: RunNode) -> dict[str, Any]:
    """Return the fields that a regression copies from its first failing run."""
    return {
        **setup_of(node),
        "device": getattr(node.data, "device", None),
        "error_code": node.data.error_code,
        "error_msg": node.data.error_msg,
    }

# SPDX-License-Identifier: LGPL-2.1-or-later
"""The `data` of a node, by its kind.

All fields but those of a revision are optional. Unknown keys are kept: other systems
store facts of their own there.
"""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from kci_shared.models.findings import Finding
from kci_shared.models.regressions import Resolution, Status, StatusChange
from kci_shared.models.words import Kind, Progress, Result


class Version(BaseModel):
    """A kernel's version in numbers."""

    model_config = ConfigDict(extra="allow")

    version: int
    patchlevel: int
    sublevel: int | None = None
    extra: str | None = None
    name: str | None = None


class Revision(BaseModel):
    """One commit of one branch of one git tree."""

    model_config = ConfigDict(extra="allow")

    tree: str
    url: str
    branch: str
    commit: str
    describe: str | None = None
    version: Version | None = None
    patchset: str | None = None
    commit_tags: list[str] = []
    commit_message: str | None = None
    tip_of_branch: bool | None = None

    @property
    def short(self) -> str:
        """The revision for people: its describe, else the first twelve digits."""
        return self.describe or self.commit[:12]


class NodeData(BaseModel):
    """The `data` of every kind of node."""

    model_config = ConfigDict(extra="allow")

    kernel_revision: Revision | None = None
    error_code: str | None = None
    error_msg: str | None = None


class CheckoutData(NodeData):
    """The `data` of a checkout."""

    architecture_filter: list[str] = []
    """Build only these architectures; empty: all."""
    planned: bool | None = None
    """True when all its builds have been created."""


class BuiltData(NodeData):
    """The `data` of a build, and of everything that runs on it."""

    arch: str | None = None
    defconfig: str | None = None
    config_full: str | None = None
    compiler: str | None = None
    platform: str | None = None
    runtime: str | None = None
    """The lab or cluster that runs it, which claims it by this name."""
    job_id: str | None = None
    """The lab's own id of the run."""
    job_context: str | None = None
    kernel_type: str | None = None
    priority: int | None = None
    """From 0 to 100; nodes with a higher priority are claimed first."""
    regression: str | None = None
    """Of a failed build or job: the regression that it is part of, or `none`.

    Null until its failures were compared with earlier revisions.
    """
    findings: list[Finding] | None = None
    """None until the log has been read."""
    planned: bool | None = None
    """True when all nodes that follow from this one have been created."""
    definition: dict[str, Any] | None = None
    """What to build or run; see `kci_shared.models.definition`."""
    run_timeout: Annotated[float, Field(gt=0, le=30 * 86400)] | None = None
    """How long a claim may last, in seconds; `timeout` limits the wait before it."""
    failures: int | None = None
    """How many earlier attempts ended as `fail`; the others were spoiled."""


class KbuildData(BuiltData):
    """The `data` of a build of the kernel."""

    fragments: list[str] = []
    identity: str | None = None
    """Hash of sources, compiler and configuration: equal builds are made once."""
    same_as: str | None = None
    """The build of another checkout that this node is a copy of."""


class JobData(BuiltData):
    """The `data` of a job or a test."""

    device: str | None = None
    test_source: str | None = None
    test_revision: Revision | None = None
    progress: Progress | None = None
    """How far its run has come: queued in the lab, booting, testing."""
    misc: dict[str, Any] | None = None


class ProcessData(BuiltData):
    """The `data` of any other work."""


class RegressionData(NodeData):
    """The `data` of a regression."""

    fail_node: str
    """The first run that failed."""
    pass_node: str
    """The last run that passed before."""
    node_sequence: list[str] = []
    """The runs that failed after the first one."""
    failed_in: list[str] = []
    """The `treeid`s of the checkouts in which it fails."""
    fixed_in: str | None = None
    fixed_node: str | None = None
    """The run that passed again; None while it fails."""
    tag_node: str | None = None
    """The run on the last tag before; see `tag_result`."""
    tag_result: Result | None = None
    failed_kernel_revision: Revision | None = None
    passed_kernel_revision: Revision | None = None
    fixed_kernel_revision: Revision | None = None
    tag_kernel_revision: Revision | None = None
    arch: str | None = None
    defconfig: str | None = None
    config_full: str | None = None
    compiler: str | None = None
    platform: str | None = None
    device: str | None = None
    issue: str | None = None
    """Id of the cause: equal for all regressions that seem to have the same one."""
    status: Status = Status.NEW
    resolution: Resolution | None = None
    duplicate_of: str | None = None
    fix: str | None = None
    history: list[StatusChange] = []
    """The changes of its status: who made them, and why."""


DATA: dict[Kind, type[NodeData]] = {
    Kind.CHECKOUT: CheckoutData,
    Kind.KBUILD: KbuildData,
    Kind.JOB: JobData,
    Kind.TEST: JobData,
    Kind.PROCESS: ProcessData,
    Kind.REGRESSION: RegressionData,
}
"""The model of `data` for each kind of node."""

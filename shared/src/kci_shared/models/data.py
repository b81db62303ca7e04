# SPDX-License-Identifier: LGPL-2.1-or-later
"""The `data` of a node, by its kind.

Every field is optional but those of a revision, and keys that are not named here are
kept as they come: outside systems hang their own facts on a node.
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
        """The revision as people call it: its describe, else twelve digits."""
        return self.describe or self.commit[:12]


class NodeData(BaseModel):
    """What nodes of every kind may say."""

    model_config = ConfigDict(extra="allow")

    kernel_revision: Revision | None = None
    error_code: str | None = None
    error_msg: str | None = None


class CheckoutData(NodeData):
    """What a checkout may say."""

    architecture_filter: list[str] = []
    """Only builds of these are wanted; empty: of all."""
    planned: bool | None = None
    """True when all its builds have been created."""


class BuiltData(NodeData):
    """What a build says, and all that runs on it."""

    arch: str | None = None
    defconfig: str | None = None
    config_full: str | None = None
    compiler: str | None = None
    platform: str | None = None
    runtime: str | None = None
    """The lab or cluster that runs it: a claim asks for this."""
    job_id: str | None = None
    """The lab's own name of the run."""
    job_context: str | None = None
    kernel_type: str | None = None
    priority: int | None = None
    """Of two nodes that wait for a runtime the one with more comes first."""
    regression: str | None = None
    findings: list[Finding] | None = None
    """None until the log has been read."""
    planned: bool | None = None
    """True when all that follows from this node has been created."""
    definition: dict[str, Any] | None = None
    """What shall be built or run; see `kci_shared.models.definition`."""
    run_timeout: Annotated[float, Field(gt=0, le=30 * 86400)] | None = None
    """How long a claim may last, in seconds; `timeout` is for the time before it."""
    failures: int | None = None
    """How many earlier attempts ended as `fail`; the others failed otherwise."""


class KbuildData(BuiltData):
    """What a build of the kernel may say."""

    fragments: list[str] = []
    identity: str | None = None
    """The same for builds of which one is enough: sources, compiler, configuration."""
    same_as: str | None = None
    """The build of another checkout that this one is, if it was not built again."""


class JobData(BuiltData):
    """What a job or a test may say."""

    device: str | None = None
    test_source: str | None = None
    test_revision: Revision | None = None
    progress: Progress | None = None
    """How far its run is, or came: queued in the lab, booting, testing."""
    misc: dict[str, Any] | None = None


class ProcessData(BuiltData):
    """What any other work may say."""


class RegressionData(NodeData):
    """What passed once and fails now."""

    fail_node: str
    """The first run that failed."""
    pass_node: str
    """The last run that passed before."""
    node_sequence: list[str] = []
    """The runs that failed after the first one."""
    failed_in: list[str] = []
    """The trees of nodes in which it fails: `treeid`s, by revision."""
    fixed_in: str | None = None
    fixed_node: str | None = None
    """The run that passed again; none while it goes on."""
    tag_node: str | None = None
    """What ran on the last tag before; see `tag_result`."""
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
    """The same for all regressions that seem to have one cause."""
    status: Status = Status.NEW
    resolution: Resolution | None = None
    duplicate_of: str | None = None
    fix: str | None = None
    history: list[StatusChange] = []
    """How it came to its status: who said what, and why."""


DATA: dict[Kind, type[NodeData]] = {
    Kind.CHECKOUT: CheckoutData,
    Kind.KBUILD: KbuildData,
    Kind.JOB: JobData,
    Kind.TEST: JobData,
    Kind.PROCESS: ProcessData,
    Kind.REGRESSION: RegressionData,
}
"""What the data of a node of each kind may say."""

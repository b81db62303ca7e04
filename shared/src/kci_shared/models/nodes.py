# SPDX-License-Identifier: LGPL-2.1-or-later
"""A node: one thing that happens to a kernel, in the tree of all that does."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, model_validator

from kci_shared.models.claims import Claim
from kci_shared.models.data import (
    CheckoutData,
    JobData,
    KbuildData,
    NodeData,
    ProcessData,
    RegressionData,
)
from kci_shared.models.words import Kind, Result, State

Name = Annotated[str, Field(min_length=1, max_length=256)]
Url = Annotated[str, Field(pattern=r"^https?://[^\s]+$", max_length=4096)]


class BaseNode(BaseModel):
    """The fields that every node has, in the order of the API's answers."""

    model_config = ConfigDict(extra="ignore")

    id: str
    kind: Kind
    name: str
    path: list[str] = []
    group: str | None = None
    parent: str | None = None
    state: State = State.RUNNING
    result: Result | None = None
    artifacts: dict[str, str] = {}
    data: NodeData = NodeData()
    debug: dict[str, Any] = {}
    jobfilter: list[str] | None = None
    platform_filter: list[str] = []
    created: datetime
    updated: datetime
    timeout: datetime | None = None
    holdoff: datetime | None = None
    owner: str
    submitter: str | None = None
    treeid: str | None = None
    user_groups: list[str] = []
    retry_counter: int = 0
    version: int = 1
    idempotency_key: str | None = None
    claim: Claim | None = None


class Checkout(BaseNode):
    """A revision of a git tree that is to be tested."""

    kind: Literal[Kind.CHECKOUT]
    data: CheckoutData = CheckoutData()


class Kbuild(BaseNode):
    """A build of the kernel."""

    kind: Literal[Kind.KBUILD]
    data: KbuildData = KbuildData()


class Job(BaseNode):
    """A run on a board or a cluster; its tests are its children."""

    kind: Literal[Kind.JOB]
    data: JobData = JobData()


class Test(BaseNode):
    """One verdict of a job."""

    __test__ = False  # pytest shall not collect it

    kind: Literal[Kind.TEST]
    data: JobData = JobData()


class Process(BaseNode):
    """Any other work that belongs to a node."""

    kind: Literal[Kind.PROCESS]
    data: ProcessData = ProcessData()


class Regression(BaseNode):
    """What passed in one revision and fails in a later one."""

    kind: Literal[Kind.REGRESSION]
    data: RegressionData


Node = Annotated[
    Checkout | Kbuild | Job | Test | Process | Regression, Field(discriminator="kind")
]
NODE: TypeAdapter[Node] = TypeAdapter(Node)


SERVER_SETS = frozenset(
    [
        "owner",
        "path",
        "created",
        "updated",
        "version",
        "claim",
        "processed_by_kcidb_bridge",
    ]
)
"""What today's clients send back with a node, and may not change."""


class FromClient(BaseModel):
    """What a client says: the server's own fields are ignored, others an error."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _ignore_what_the_server_sets(cls, said: Any) -> Any:
        if not isinstance(said, dict) or SERVER_SETS.isdisjoint(said):
            return said
        return {key: said[key] for key in said if key not in SERVER_SETS}


class NewNode(FromClient):
    """What a client says of a node that shall exist."""

    id: str | None = None
    """In a result tree: the node that is meant. Ignored elsewhere."""
    treeid: Name | None = None
    """Names a tree of its own; a node below another is of that one's tree."""
    kind: Kind
    name: Name
    group: str | None = None
    parent: str | None = None
    state: State = State.RUNNING
    result: Result | None = None
    artifacts: dict[str, Url] = {}
    data: dict[str, Any] = {}
    debug: dict[str, Any] = {}
    jobfilter: list[str] | None = None
    platform_filter: list[str] = []
    timeout: datetime | None = None
    holdoff: datetime | None = None
    submitter: str | None = None
    user_groups: list[str] = []
    retry_counter: int = Field(default=0, ge=0)
    idempotency_key: Annotated[str, Field(min_length=1, max_length=512)] | None = None


class NodePatch(FromClient):
    """What of a node a client may change; maps are merged, a null removes a key."""

    id: str | None = None
    treeid: str | None = None
    """Both as in the address, or ignored."""
    state: State | None = None
    result: Result | None = None
    artifacts: dict[str, Url | None] = {}
    data: dict[str, Any] = {}
    debug: dict[str, Any] = {}
    jobfilter: list[str] | None = None
    platform_filter: list[str] = []
    timeout: datetime | None = None
    holdoff: datetime | None = None


class ResultTree(BaseModel):
    """A node with all that hangs below it, to be stored all or nothing."""

    model_config = ConfigDict(extra="forbid")

    node: NewNode
    child_nodes: list["ResultTree"] = []

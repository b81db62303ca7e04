# SPDX-License-Identifier: LGPL-2.1-or-later
"""A node of the tree: one thing that happens to a kernel."""

from datetime import datetime
from enum import Enum, auto
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, model_validator
from pydantic.fields import FieldInfo

from kci_shared.models.claims import Claim
from kci_shared.models.data import (
    CheckoutData,
    JobData,
    KbuildData,
    NodeData,
    ProcessData,
    RegressionData,
)
from kci_shared.models.sizes import Integer, Key, Text
from kci_shared.models.words import Kind, Result, State

Name = Annotated[Text, Field(min_length=1, max_length=256)]
Short = Annotated[Text, Field(max_length=256)]
Url = Annotated[str, Field(pattern=r"^https?://[^\s\x00]+$", max_length=4096)]


class Access(Enum):
    """What clients may do with a field of a node, as marked in `BaseNode`."""

    READ_ONLY = auto()
    """The API sets it; what a client sends is ignored."""
    SET_ONCE = auto()
    """A client may set it when it creates the node; what it sends later is ignored."""
    FIXED = auto()
    """As `SET_ONCE`, but to send another value later is an error."""
    EDITABLE = auto()
    """A client may change it at any time. This is the default."""


class BaseNode(BaseModel):
    """The fields that every node has, in the order of the API's responses.

    A new field goes here, into `NewNode` unless it is read-only, and into `NodePatch`
    if a PATCH may change it: all other lists of fields are made from these three.
    """

    model_config = ConfigDict(extra="ignore")

    id: Annotated[str, Access.READ_ONLY]
    kind: Annotated[Kind, Access.FIXED]
    name: Annotated[str, Access.FIXED]
    path: Annotated[list[str], Access.READ_ONLY] = []
    group: str | None = None
    parent: Annotated[str | None, Access.FIXED] = None
    state: State = State.RUNNING
    result: Result | None = None
    artifacts: dict[str, str] = {}
    data: NodeData = NodeData()
    debug: dict[str, Any] = {}
    jobfilter: list[str] | None = None
    platform_filter: list[str] = []
    created: Annotated[datetime, Access.READ_ONLY]
    updated: Annotated[datetime, Access.READ_ONLY]
    timeout: datetime | None = None
    holdoff: datetime | None = None
    owner: Annotated[str, Access.READ_ONLY]
    submitter: Annotated[str | None, Access.SET_ONCE] = None
    treeid: Annotated[str | None, Access.SET_ONCE] = None
    user_groups: Annotated[list[str], Access.SET_ONCE] = []
    retry_counter: int = 0
    version: Annotated[int, Access.READ_ONLY] = 1
    idempotency_key: Annotated[str | None, Access.SET_ONCE] = None
    claim: Annotated[Claim | None, Access.READ_ONLY] = None


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


def access_of(field: FieldInfo) -> Access:
    """Return what clients may do with a field."""
    marks = (mark for mark in field.metadata if isinstance(mark, Access))
    return next(marks, Access.EDITABLE)


def fields_with(access: Access) -> tuple[str, ...]:
    """Return the fields of a node that have this access, in their order."""
    fields = BaseNode.model_fields.items()
    return tuple(name for name, field in fields if access_of(field) is access)


IGNORED = frozenset(
    {*fields_with(Access.READ_ONLY), "processed_by_kcidb_bridge"} - {"id"}
)
"""What clients send back with a node, and may not set; `id` has a use in trees."""


class FromClient(BaseModel):
    """What a client sends: read-only fields are ignored, unknown ones are an error."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _ignore_read_only_fields(cls, fields: Any) -> Any:
        if not isinstance(fields, dict) or IGNORED.isdisjoint(fields):
            return fields
        return {name: fields[name] for name in fields if name not in IGNORED}


class NewNode(FromClient):
    """The fields that a client sends to create a node, or to replace one."""

    id: Short | None = None
    """In a result tree: the stored node that this one updates. Ignored elsewhere."""
    treeid: Name | None = None
    """The tree that a root begins; ignored for a node with a parent."""
    kind: Kind
    name: Name
    group: Short | None = None
    parent: Short | None = None
    state: State = State.RUNNING
    result: Result | None = None
    artifacts: dict[Key, Url] = {}
    data: dict[str, Any] = {}
    debug: dict[str, Any] = {}
    jobfilter: list[Short] | None = None
    platform_filter: list[Short] = []
    timeout: datetime | None = None
    holdoff: datetime | None = None
    submitter: Short | None = None
    user_groups: list[Short] = []
    retry_counter: Annotated[Integer, Field(ge=0)] = 0
    idempotency_key: Annotated[Text, Field(min_length=1, max_length=512)] | None = None


class NodePatch(FromClient):
    """What a PATCH may change; maps are merged, a null removes a key."""

    id: Short | None = None
    treeid: Short | None = None
    """Both are ignored: clients send them back."""
    state: State | None = None
    result: Result | None = None
    artifacts: dict[Key, Url | None] = {}
    data: dict[str, Any] = {}
    debug: dict[str, Any] = {}
    jobfilter: list[Short] | None = None
    platform_filter: list[Short] = []
    timeout: datetime | None = None
    holdoff: datetime | None = None


class ResultTree(BaseModel):
    """A node with its subtree, to be stored all or nothing."""

    model_config = ConfigDict(extra="forbid")

    node: NewNode
    child_nodes: list["ResultTree"] = []

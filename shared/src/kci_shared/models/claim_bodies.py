# SPDX-License-Identifier: LGPL-2.1-or-later
"""Bodies of requests and answers about claimed nodes."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from kci_shared.models.claims import Grant, Seconds
from kci_shared.models.nodes import Name, Node, ResultTree, Short, Url
from kci_shared.models.sizes import Integer, Key, Text
from kci_shared.models.words import Result, State


class ClaimedNode(BaseModel):
    """A node that the caller may run now, and its claim."""

    node: Node
    claim: Grant


class Renewal(BaseModel):
    """A heartbeat (`lease`, in seconds), facts of the lab (`data`), or both."""

    model_config = ConfigDict(extra="forbid")

    token: Integer
    lease: Annotated[Seconds, Field(gt=0)] | None = None
    data: dict[str, Any] = {}


class Release(BaseModel):
    """Gives a node back unfinished: others may claim it, the attempt is not counted."""

    model_config = ConfigDict(extra="forbid")

    token: Integer
    reason: Annotated[Text, Field(max_length=1000)]


class Adoption(BaseModel):
    """A restarted bridge takes back its own node, with a new token."""

    model_config = ConfigDict(extra="forbid")

    runtime: Name
    lease: Annotated[Seconds, Field(gt=0)] = 60
    attempt: Integer | None = None
    """Take it back only if this is still its latest attempt."""


class Outcome(BaseModel):
    """How a run ended."""

    model_config = ConfigDict(extra="forbid")

    result: Result
    state: Literal[State.AVAILABLE, State.DONE] = State.DONE
    """`available`: a checkout whose sources may be built now."""
    error_code: Short | None = None
    error_msg: Annotated[Text, Field(max_length=4000)] | None = None


class Report(BaseModel):
    """The end of a run: its outcome, its tests and its artifacts."""

    model_config = ConfigDict(extra="forbid")

    token: Integer
    outcome: Outcome
    child_nodes: list[ResultTree] = []
    artifacts: dict[Key, Url] = {}
    data: dict[str, Any] = {}
    """Other facts about the node that the run found."""

# SPDX-License-Identifier: LGPL-2.1-or-later
"""What passes between the API and the holder of a claim."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from kci_shared.models.claims import Grant, Seconds
from kci_shared.models.nodes import Node, ResultTree, Url
from kci_shared.models.words import Result, State


class ClaimedNode(BaseModel):
    """A node that the caller may run now, and the claim that says so."""

    node: Node
    claim: Grant


class Renewal(BaseModel):
    """A heartbeat (`lease`, in seconds), the lab's own facts (`data`), or both."""

    model_config = ConfigDict(extra="forbid")

    token: int
    lease: Annotated[Seconds, Field(gt=0)] | None = None
    data: dict[str, Any] = {}


class Release(BaseModel):
    """A node given back unfinished: claimable at once, the attempt not counted."""

    model_config = ConfigDict(extra="forbid")

    token: int
    reason: Annotated[str, Field(max_length=1000)]


class Adoption(BaseModel):
    """What a restarted bridge asks for: its own node back, with a new token."""

    model_config = ConfigDict(extra="forbid")

    runtime: str
    lease: Annotated[Seconds, Field(gt=0)] = 60
    attempt: int | None = None
    """Only this one: another holder's later attempt stays its own."""


class Outcome(BaseModel):
    """How a run ended."""

    model_config = ConfigDict(extra="forbid")

    result: Result
    state: Literal[State.AVAILABLE, State.DONE] = State.DONE
    """`available`: a checkout whose sources may be built from now on."""
    error_code: str | None = None
    error_msg: Annotated[str, Field(max_length=4000)] | None = None


class Report(BaseModel):
    """The end of a run: its outcome, its tests and what it left behind."""

    model_config = ConfigDict(extra="forbid")

    token: int
    outcome: Outcome
    child_nodes: list[ResultTree] = []
    artifacts: dict[str, Url] = {}
    data: dict[str, Any] = {}
    """What else the run found out about its node."""

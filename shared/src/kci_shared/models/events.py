# SPDX-License-Identifier: LGPL-2.1-or-later
"""Events of the API: one CloudEvent 1.0 (JSON format) for each change of a node.

Source of the format: the CloudEvents specification 1.0, and KernelCI's own payload in
`data`, as its clients know it.
"""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from kci_shared.models.words import Kind, Op, Result, State

CHANNEL = "node"


class NodeChange(BaseModel):
    """The `data` of an event: the node right after the change."""

    model_config = ConfigDict(extra="allow")

    op: Op
    id: str
    kind: Kind
    name: str
    path: list[str] = []
    group: str | None = None
    state: State
    result: Result | None = None
    owner: str | None = None
    data: dict[str, Any] = {}
    is_hierarchy: bool = False
    treeid: str | None = None
    """Events of the same tree are handled in order; null in those of older APIs."""
    previous_state: State | None = None
    previous_result: Result | None = None


class Event(BaseModel):
    """One change; it may be delivered several times, with the same `id`."""

    model_config = ConfigDict(populate_by_name=True)

    specversion: str = "1.0"
    id: str
    """`<node id>-<version>`; versions of a node grow."""
    source: str = "https://api.kernelci.org/"
    type: str = "api.kernelci.org"
    time: datetime
    data: NodeChange
    owner: str | None = None
    sequence: int = Field(default=0, alias="_sequence_id")
    """Number of the event in its channel, from 1, without gaps."""

    @property
    def node_id(self) -> str:
        """The node that changed."""
        return self.data.id

    def became(self, state: State) -> bool:
        """Say whether this change set the node's state to `state`."""
        return self.data.state is state and self.data.previous_state is not state

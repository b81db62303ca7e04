# SPDX-License-Identifier: LGPL-2.1-or-later
"""State transitions, expected versions, and claim tokens."""

from dataclasses import dataclass

from kci_api.nodes.stored import StoredNode
from kci_shared.errors import Conflict, KciError
from kci_shared.models import State, Status, may_become


@dataclass(frozen=True)
class WriteOptions:
    """What the headers and the query of a write ask for."""

    if_version: int | None = None
    """The version that the node must have."""
    token: int | None = None
    """Of the claim that the caller holds, if any."""
    quiet: bool = False
    """Whether no event is published."""


class VersionMismatch(KciError):
    """A node does not have the version that the caller expects."""

    def __init__(self, node: StoredNode) -> None:
        super().__init__(f"node {node.id} has version {node.version}")
        self.node = node


class InvalidTransition(KciError):
    """A node cannot go from its state, or status, to the requested one."""

    def __init__(self, node: StoredNode, state: State | Status) -> None:
        super().__init__(f"Transition not allowed with state: {state}")
        self.node = node


def check_transition(node: StoredNode, state: State) -> None:
    """Raise `InvalidTransition` unless a node may go to a state."""
    if not may_become(node.state, state):
        raise InvalidTransition(node, state)


def check_version(node: StoredNode, options: WriteOptions) -> None:
    """Raise `VersionMismatch` unless a node has the expected version, if one is."""
    if options.if_version not in (None, node.version):
        raise VersionMismatch(node)


def holds_claim(node: StoredNode, token: int) -> bool:
    """Return whether a token is that of the node's current claim."""
    return node.claim is not None and node.fence == token


def claim_lost(node: StoredNode) -> Conflict:
    """Return the error for a caller whose claim has ended."""
    return Conflict(
        f"the claim of node {node.id} is lost: stop the run and report nothing"
    )

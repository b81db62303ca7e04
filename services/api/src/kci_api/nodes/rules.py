# SPDX-License-Identifier: LGPL-2.1-or-later
"""What may follow what, and on which terms a change is meant."""

from dataclasses import dataclass

from kci_api.nodes.stored import StoredNode
from kci_shared.errors import Conflict, KciError
from kci_shared.models import State, Status, may_become


@dataclass(frozen=True)
class Terms:
    """Under which conditions a change is meant."""

    if_version: int | None = None
    token: int | None = None
    """Of the claim that the caller holds, if it says that it holds one."""
    quiet: bool = False


class Outdated(KciError):
    """A node is not, or no more, of the version that the caller named."""

    def __init__(self, node: StoredNode) -> None:
        super().__init__(f"node {node.id} is of version {node.version} by now")
        self.node = node


class WrongTurn(KciError):
    """A node cannot go from the state that it has to the one that was asked for."""

    def __init__(self, node: StoredNode, state: State | Status) -> None:
        super().__init__(f"Transition not allowed with state: {state}")
        self.node = node


def check_transition(node: StoredNode, state: State) -> None:
    """Raise `WrongTurn` unless a node may go to a state from where it is."""
    if not may_become(node.state, state):
        raise WrongTurn(node, state)


def check_terms(node: StoredNode, terms: Terms) -> None:
    """Raise `Outdated` unless a node is as the caller believes it to be."""
    if terms.if_version is not None and terms.if_version != node.version:
        raise Outdated(node)


def holds(node: StoredNode, token: int) -> bool:
    """Say whether a token is that of the claim that a node has now."""
    return node.claim is not None and node.fence == token


def lost(node: StoredNode) -> Conflict:
    """Tell a late holder that its claim is over."""
    return Conflict(
        f"the claim of node {node.id} is lost: stop the run and report nothing"
    )

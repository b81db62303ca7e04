# SPDX-License-Identifier: LGPL-2.1-or-later
"""Fencing tokens: only the holder of a node's claim may write below it."""

from dataclasses import dataclass

from kci_api.callers.rules import Caller
from kci_api.nodes.permissions import check_not_claimed, needs_token
from kci_api.nodes.plans import Fence
from kci_api.nodes.rules import claim_lost, holds_claim
from kci_api.nodes.store import NodeStore
from kci_api.nodes.stored import StoredNode


@dataclass(frozen=True)
class Writer:
    """A caller, and the token of the claim that it holds, if it sent one."""

    caller: Caller
    token: int | None = None


async def claimed_node(
    store: NodeStore, writer: Writer, node: StoredNode
) -> StoredNode | None:
    """Return the node, or ancestor, whose claim a write needs; None if it needs none.

    Raise `Conflict` if the writer lost the claim, or is a lab that sent no token.
    """
    if writer.token is None and not needs_token(writer.caller):
        return None
    lineage = [node, *reversed(await store.find_by("_id", node.ancestors))]
    if writer.token is None:
        for one in lineage:
            check_not_claimed(writer.caller, one)
        return None
    claimed = next((one for one in lineage if one.fence), node)
    if not holds_claim(claimed, writer.token):
        raise claim_lost(claimed)
    return claimed


def fence_of(node: StoredNode) -> Fence:
    """Return the fence that makes a plan fail if the node's claim ends before it."""
    return Fence(node.id, node.fence)

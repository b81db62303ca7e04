# SPDX-License-Identifier: LGPL-2.1-or-later
"""Whoever holds a node holds all that is below: writes there carry its token, too."""

from dataclasses import dataclass

from kci_api.callers.rules import Caller
from kci_api.nodes.permissions import check_unheld, must_hold
from kci_api.nodes.plans import Fence
from kci_api.nodes.rules import holds, lost
from kci_api.nodes.store import NodeStore
from kci_api.nodes.stored import StoredNode


@dataclass(frozen=True)
class Writer:
    """A caller, and the token of the claim that it says it holds."""

    caller: Caller
    token: int | None = None


async def held_for(
    store: NodeStore, writer: Writer, node: StoredNode
) -> StoredNode | None:
    """Return the node whose claim covers a write to a node; None if none is needed.

    Raise `Conflict` if the writer holds it no more, or is a lab that does not say so.
    """
    if writer.token is None and not must_hold(writer.caller):
        return None
    line = [node, *reversed(await store.among("_id", node.ancestors))]
    if writer.token is None:
        for one in line:
            check_unheld(writer.caller, one)
        return None
    claimed = next((one for one in line if one.fence), node)
    if not holds(claimed, writer.token):
        raise lost(claimed)
    return claimed


def still_held(node: StoredNode) -> Fence:
    """Return what makes a write fail if a claim is lost in the meantime."""
    return Fence(node.id, node.fence)

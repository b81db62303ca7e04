# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a request writes: nodes that are new, and nodes before and after a change."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from beanie import PydanticObjectId

from kci_api.nodes.news import change_event, outbox_entry
from kci_api.nodes.stored import StoredNode


@dataclass(frozen=True)
class Change:
    """One node before and after; written only if it is still as it was before."""

    before: StoredNode
    after: StoredNode
    entry: dict[str, Any] | None = None
    """What the world is told of it."""
    guard: dict[str, Any] = field(default_factory=dict)
    """What else must still be so in the database."""

    def update(self) -> dict[str, Any]:
        """Return the update that makes the one of the other."""
        before, after = self.before.to_mongo(), self.after.to_mongo()
        changed = {name: after[name] for name in after if after[name] != before[name]}
        push = {"$push": {"outbox": self.entry}} if self.entry else {}
        return {"$set": changed, **push}


def told(before: StoredNode, after: StoredNode) -> Change:
    """Return a change that the world is told of."""
    event = change_event(after, before)
    return Change(before, after, outbox_entry(event, after.version))


def told_of_tree(before: StoredNode, after: StoredNode) -> Change:
    """Return the change of a root whose tree changed."""
    event = change_event(after, before, is_hierarchy=True)
    return Change(before, after, outbox_entry(event, after.version))


@dataclass(frozen=True)
class Fence:
    """A claim that must still be the latest one of its node when a plan is written."""

    node_id: PydanticObjectId
    fence: int


@dataclass(frozen=True)
class Plan:
    """What a request writes, all or nothing, and the nodes that answer it."""

    answer: Sequence[StoredNode]
    born: Sequence[StoredNode] = ()
    changed: Sequence[Change] = ()
    fences: Sequence[Fence] = ()
    """Fail if the claim, by whose token all this is written, is lost by now."""
    brought: Sequence[StoredNode] = ()
    """New here, but no news: nobody is told of them."""

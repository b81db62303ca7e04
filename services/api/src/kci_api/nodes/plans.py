# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a request writes to the nodes: inserts, updates, and claims that must hold."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from beanie import PydanticObjectId

from kci_api.nodes.events import change_event, outbox_entry
from kci_api.nodes.stored import StoredNode


@dataclass(frozen=True)
class Change:
    """One node before and after; written only if the stored one equals `before`."""

    before: StoredNode
    after: StoredNode
    entry: dict[str, Any] | None = None
    """The outbox entry of the event, if the change is published."""
    guard: dict[str, Any] = field(default_factory=dict)
    """Further conditions on the stored document, as a MongoDB filter."""

    def update(self) -> dict[str, Any]:
        """Return the MongoDB update that turns `before` into `after`."""
        before, after = self.before.to_mongo(), self.after.to_mongo()
        changed = {name: after[name] for name in after if after[name] != before[name]}
        push = {"$push": {"outbox": self.entry}} if self.entry else {}
        return {"$set": changed, **push}


def with_event(before: StoredNode, after: StoredNode) -> Change:
    """Return a change that is published as an event."""
    event = change_event(after, before)
    return Change(before, after, outbox_entry(event, after.version))


def with_tree_event(before: StoredNode, after: StoredNode) -> Change:
    """Return the change of a node whose subtree changed, too, as its event says."""
    event = change_event(after, before, is_hierarchy=True)
    return Change(before, after, outbox_entry(event, after.version))


@dataclass(frozen=True)
class Fence:
    """A claim that must still be the latest one of its node when a plan is written."""

    node_id: PydanticObjectId
    token: int


@dataclass(frozen=True)
class Plan:
    """What a request writes, all or nothing, and the nodes of its response."""

    response: Sequence[StoredNode]
    inserts: Sequence[StoredNode] = ()
    updates: Sequence[Change] = ()
    fences: Sequence[Fence] = ()
    """The claims under which the plan is written."""
    imports: Sequence[StoredNode] = ()
    """Inserted without an event."""

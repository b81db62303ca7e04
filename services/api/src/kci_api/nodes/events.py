# SPDX-License-Identifier: LGPL-2.1-or-later
"""The event that reports a change to a node, and its entry in the node's outbox."""

from typing import Any

from kci_api.nodes.stored import StoredNode
from kci_api.times import stamp
from kci_shared.models import Event, NodeChange, Op

COPIED = (NodeChange.model_fields.keys() & StoredNode.model_fields.keys()) - {"id"}
"""The fields of a node that its events have, too."""


def change_event(
    after: StoredNode, before: StoredNode | None, is_hierarchy: bool = False
) -> Event:
    """Return the event of a change; the same change always gets the same event id."""
    return Event(
        id=f"{after.id}-{after.version}",
        time=after.updated,
        owner=after.owner,
        data=NodeChange(
            op=Op.UPDATED if before else Op.CREATED,
            id=str(after.id),
            **{field: getattr(after, field) for field in COPIED},
            is_hierarchy=is_hierarchy,
            previous_state=before and before.state,
            previous_result=before and before.result,
        ),
    )


def outbox_entry(event: Event, version: int) -> dict[str, Any]:
    """Return the event as it waits in its node for the relay."""
    fields = event.model_dump(mode="json", by_alias=True, exclude={"sequence"})
    if event.data.op is Op.CREATED:
        del fields["data"]["previous_state"], fields["data"]["previous_result"]
    return {"version": version, "event": {**fields, "time": stamp(event.time)}}

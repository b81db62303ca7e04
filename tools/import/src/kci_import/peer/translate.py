# SPDX-License-Identifier: LGPL-2.1-or-later
"""Translates a node of another server to a draft; pure."""

from datetime import UTC, datetime
from typing import Any

from kci_import.fit import Draft
from kci_import.peer.client import NodeJson
from kci_shared.models import NewNode, State

SOURCE = "node"
COPIED = NewNode.model_fields.keys() - {"id"}
IGNORED = {
    "id",
    "path",
    "owner",
    "created",
    "updated",
    "version",
    "claim",
    "processed_by_kcidb_bridge",
}
"""Fields that have a place elsewhere, or no meaning here."""
EPOCH = datetime.fromtimestamp(0, UTC)
TIMES = ("timeout", "holdoff")


def is_done(node: NodeJson) -> bool:
    """Return whether a node can no longer change, so that it can be imported."""
    return node.get("state") == State.DONE


def translate(node: NodeJson) -> Draft:
    """Return the draft of a node; unknown fields are kept in `data.peer.extra`."""
    fields = {key: node[key] for key in sorted(COPIED) if node.get(key) is not None}
    for name in TIMES:
        if name in fields:
            fields[name] = parse_time(fields[name])
    known = COPIED | IGNORED
    extra = {key: value for key, value in node.items() if key not in known}
    data = fields.get("data")
    data = dict(data) if isinstance(data, dict) else {}
    if extra:
        data["peer"] = {"extra": extra}
    created = parse_time(node.get("created")) or EPOCH
    return Draft(
        source=SOURCE,
        id=str(node.get("id")),
        owner=str(node.get("owner") or "unknown"),
        created=created,
        updated=parse_time(node.get("updated")) or created,
        fields={**fields, "data": data},
        aside="peer",
        path=node.get("path") if isinstance(node.get("path"), list) else None,
    )


def parse_time(text: Any) -> datetime | None:
    """Return a time, in UTC if it has no offset; None if the text is no time."""
    try:
        time = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return time if time.tzinfo else time.replace(tzinfo=UTC)

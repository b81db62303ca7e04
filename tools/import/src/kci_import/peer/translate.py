# SPDX-License-Identifier: LGPL-2.1-or-later
"""From a node as the peer tells it to one of ours."""

from datetime import UTC, datetime
from typing import Any

from kci_import.fit import Draft
from kci_shared.models import NewNode, State

SOURCE = "node"
TAKEN = NewNode.model_fields.keys() - {"id"}
KNOWN = {
    *TAKEN,
    *("id", "path", "owner", "created", "updated", "version", "claim"),
    "processed_by_kcidb_bridge",
}
EPOCH = datetime.fromtimestamp(0, UTC)
TIMES = ("timeout", "holdoff")


def is_done(node: dict[str, Any]) -> bool:
    """Say whether a node can change no more, and so can be brought."""
    return node.get("state") == State.DONE


def translate(node: dict[str, Any]) -> Draft:
    """Say a node of the peer in our words; keys that we do not know go aside."""
    said = {key: node[key] for key in sorted(TAKEN) if node.get(key) is not None}
    for name in TIMES:
        if name in said:
            said[name] = parse_time(said[name])
    extra = {key: value for key, value in node.items() if key not in KNOWN}
    data = said.get("data")
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
        fields={**said, "data": data},
        aside="peer",
        path=node.get("path") if isinstance(node.get("path"), list) else None,
    )


def parse_time(text: Any) -> datetime | None:
    """Read a time; what has no offset is UTC, and what is no time is nothing."""
    try:
        time = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return time if time.tzinfo else time.replace(tzinfo=UTC)

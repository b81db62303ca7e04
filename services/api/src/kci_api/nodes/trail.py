# SPDX-License-Identifier: LGPL-2.1-or-later
"""The trail of a node: who changed which fields, kept in the node itself."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import BaseModel

from kci_api.nodes.plans import Change
from kci_api.nodes.stored import INTERNAL
from kci_api.times import stamp

KEPT_CHANGES = 200
"""How many of a node's latest changes its trail has."""
UNREPORTED = INTERNAL | {"version", "updated"}


class TrailEntry(BaseModel):
    """One change of a node."""

    version: int
    by: str
    at: str
    fields: list[str]
    """What was set; empty for the creation, and when only the subtree changed."""


def with_trail(change: Change, by: str) -> dict[str, Any]:
    """Return the MongoDB update that makes a change and adds it to the trail."""
    update = change.update()
    entry = {
        "version": change.after.version,
        "by": by,
        "at": change.after.updated,
        "fields": sorted(update["$set"].keys() - UNREPORTED),
    }
    trail = {"trail": {"$each": [entry], "$slice": -KEPT_CHANGES}}
    return {**update, "$push": {**update.get("$push", {}), **trail}}


def trail_entries(node: Mapping[str, Any]) -> list[TrailEntry]:
    """Return the trail of a stored node, from its creation if that is still in it."""
    kept = node.get("trail", [])
    if not kept or kept[0]["version"] == 2:
        kept = [_creation(node["owner"], node["created"]), *kept]
    return [TrailEntry(**{**entry, "at": stamp(entry["at"])}) for entry in kept]


def _creation(owner: str, at: datetime) -> dict[str, Any]:
    return {"version": 1, "by": owner, "at": at, "fields": []}

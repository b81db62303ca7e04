# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who changed a node: kept in the node itself, by the write that changes it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import BaseModel

from kci_api.nodes.plans import Change
from kci_api.nodes.stored import INTERNAL
from kci_api.times import stamp

KEPT = 200
"""How many of the latest changes are known of a node."""
BOOKKEEPING = INTERNAL | {"version", "updated"}


class Step(BaseModel):
    """One change of a node."""

    version: int
    by: str
    at: str
    fields: list[str]
    """What was set; empty when the node was created, or only its tree changed."""


def tracked(change: Change, by: str) -> dict[str, Any]:
    """Return the update that makes a change, and notes who did."""
    update = change.update()
    step = {
        "version": change.after.version,
        "by": by,
        "at": change.after.updated,
        "fields": sorted(update["$set"].keys() - BOOKKEEPING),
    }
    trail = {"trail": {"$each": [step], "$slice": -KEPT}}
    return {**update, "$push": {**update.get("$push", {}), **trail}}


def steps(node: Mapping[str, Any]) -> list[Step]:
    """Return what is known of a node's changes, the creation first."""
    kept = node.get("trail", [])
    if not kept or kept[0]["version"] == 2:
        kept = [_creation(node["owner"], node["created"]), *kept]
    return [Step(**{**one, "at": stamp(one["at"])}) for one in kept]


def _creation(owner: str, at: datetime) -> dict[str, Any]:
    return {"version": 1, "by": owner, "at": at, "fields": []}

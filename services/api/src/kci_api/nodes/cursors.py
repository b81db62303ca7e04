# SPDX-License-Identifier: LGPL-2.1-or-later
"""Where a page ends, as text that a client sends back for the next one."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from bson import ObjectId

from kci_api.requests import invalid

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
A_MILLISECOND = timedelta(milliseconds=1)
CURSOR = re.compile(r"(?:(-?\d{1,14})\.)?([0-9a-f]{24})")
LATEST_MS = (datetime.max.replace(tzinfo=UTC) - EPOCH) // A_MILLISECOND
EARLIEST_MS = (datetime.min.replace(tzinfo=UTC) - EPOCH) // A_MILLISECOND

Order = list[tuple[str, int]]


def cursor_at(node: Mapping[str, Any], order: Order) -> str:
    """Return the place of a node in an order: its time, if that counts, and its id."""
    field, _ = order[0]
    if field == "_id":
        return str(node["_id"])
    return f"{(node[field] - EPOCH) // A_MILLISECOND}.{node['_id']}"


def beyond(wanted: dict[str, Any], order: Order, cursor: str | None) -> dict[str, Any]:
    """Return the filter for what follows a cursor in an order."""
    if cursor is None:
        return wanted
    place = CURSOR.fullmatch(cursor)
    field, direction = order[0]
    if place is None or (place[1] is None) != (field == "_id"):
        raise invalid(("query", "cursor"), "not a cursor that this order gave")
    node_id = ObjectId(place[2])
    operator = "$gt" if direction > 0 else "$lt"
    if field == "_id":
        return _both(wanted, {"_id": {operator: node_id}})
    time = _time(place[1])
    later = [{field: {operator: time}}, {"_id": {operator: node_id}}]
    return _both(wanted, {field: {f"{operator}e": time}, "$or": later})


def _time(text: str) -> datetime:
    milliseconds = int(text)
    if not EARLIEST_MS <= milliseconds <= LATEST_MS:
        raise invalid(("query", "cursor"), "not a cursor that this order gave")
    return EPOCH + milliseconds * A_MILLISECOND


def _both(wanted: dict[str, Any], place: dict[str, Any]) -> dict[str, Any]:
    # bare, so that any server finds the index; together only if they must be
    if wanted.keys().isdisjoint(place):
        return {**wanted, **place}
    return {"$and": [wanted, place]}

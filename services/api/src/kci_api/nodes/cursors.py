# SPDX-License-Identifier: LGPL-2.1-or-later
"""Cursors: the end of one page as text, from which a client asks for the next."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from bson import ObjectId

from kci_api.requests import invalid
from kci_shared.errors import Invalid

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
CURSOR = re.compile(r"(?:(-?\d{1,14})\.)?([0-9a-f]{24})")
LATEST_MS = (datetime.max.replace(tzinfo=UTC) - EPOCH) // MILLISECOND
EARLIEST_MS = (datetime.min.replace(tzinfo=UTC) - EPOCH) // MILLISECOND

Filter = dict[str, Any]
Order = list[tuple[str, int]]


def cursor_at(node: Mapping[str, Any], order: Order) -> str:
    """Return the cursor of a node in an order: its id, after its time if needed."""
    field, _ = order[0]
    if field == "_id":
        return str(node["_id"])
    return f"{(node[field] - EPOCH) // MILLISECOND}.{node['_id']}"


def after_cursor(query: Filter, order: Order, cursor: str | None) -> Filter:
    """Return a query restricted to what follows a cursor in an order."""
    if cursor is None:
        return query
    match = CURSOR.fullmatch(cursor)
    field, direction = order[0]
    if match is None or (match[1] is None) != (field == "_id"):
        raise _not_a_cursor()
    node_id = ObjectId(match[2])
    operator = "$gt" if direction > 0 else "$lt"
    if field == "_id":
        return _both(query, {"_id": {operator: node_id}})
    time = _time(match[1])
    later = [{field: {operator: time}}, {"_id": {operator: node_id}}]
    return _both(query, {field: {f"{operator}e": time}, "$or": later})


def _time(text: str) -> datetime:
    milliseconds = int(text)
    if not EARLIEST_MS <= milliseconds <= LATEST_MS:
        raise _not_a_cursor()
    return EPOCH + milliseconds * MILLISECOND


def _not_a_cursor() -> Invalid:
    return invalid(("query", "cursor"), "not a cursor of a page in this order")


def _both(query: Filter, more: Filter) -> Filter:
    # flat where possible: the embedded server finds an index only then
    if query.keys().isdisjoint(more):
        return {**query, **more}
    return {"$and": [query, more]}

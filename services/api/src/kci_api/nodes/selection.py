# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which nodes a request asks for, by its query parameters, as a dependency."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Query, Request
from pydantic import TypeAdapter

from kci_api.nodes.counts import GroupField
from kci_api.nodes.cursors import after_cursor, cursor_at
from kci_api.nodes.documents import NodeDocument
from kci_api.nodes.queries import (
    STORED_NAMES,
    NodeQuery,
    parse_filter,
    parse_sort,
)
from kci_api.pages import MAX_LIMIT
from kci_api.requests import invalid
from kci_shared.models.sizes import LongText, Text

VALUE = TypeAdapter(LongText).json_schema()
FILTER_PARAMETERS = {
    "parameters": [
        {
            "name": "field__op",
            "in": "query",
            "description": "any number of filters, such as `kind=job`,"
            " `created__gt=2026-11-22`, `data.kernel_revision.tree=mainline`,"
            " `name__re=^boot`; `op` is one of lt lte gt gte ne in nin re;"
            " `re` has no groups, no `|`, and `*` or `+` only after `^` or at the end",
            "style": "form",
            "explode": True,
            "schema": {"type": "object", "additionalProperties": VALUE},
            "example": {"kind": "job", "created__gt": "2026-11-22"},
        }
    ]
}
"""The filters, for the OpenAPI description: their names are not fixed."""
By = Annotated[
    Text | None,
    Query(
        description="count for each combination of the values of these fields,"
        f" separated by commas, of: {', '.join(GroupField)}; it needs exactly one"
        " filter, by `treeid`, `parent`, `name` or `data.kernel_revision.commit`:"
        " equality or `in`",
        examples=["treeid,kind,result"],
    ),
]

LimitOrAll = Annotated[
    int | None,
    Query(
        ge=1,
        le=MAX_LIMIT,
        description="most items to return; without it the answer has all that match,"
        " and a filter must name a field with an index",
        examples=[100],
    ),
]

PAGING = ("limit", "offset", "sort", "cursor")


def filter_parameters(request: Request, *own: str) -> list[tuple[str, str]]:
    """Return the filters: all parameters but paging and the route's own ones."""
    others = (*PAGING, *own)
    return [
        pair for pair in request.query_params.multi_items() if pair[0] not in others
    ]


def is_bounded(query: dict[str, Any]) -> bool:
    """Return whether an index finds what matches, without a walk over all nodes."""
    return any(
        any(is_bounded(part) for part in condition)
        if field == "$and"
        else field in INDEXED and _narrows(condition)
        for field, condition in query.items()
    )


def _narrows(condition: Any) -> bool:
    """Return whether an index serves a condition: a value, a range, or a beginning."""
    if not isinstance(condition, dict):
        return True
    has_prefix = PREFIX.match(condition.get("$regex", "")) is not None
    return has_prefix or not condition.keys().isdisjoint(RANGES)


async def query_filter(request: Request) -> dict[str, Any]:
    """Return the filter of a list."""
    return parse_filter(filter_parameters(request))


QueryFilter = Annotated[dict[str, Any], Depends(query_filter)]


INDEXED = {"_id"} | {
    next(iter(index.document["key"]))
    for index in NodeDocument.Settings.indexes
    if not index.document.get("sparse")
} - {"ancestors"}
"""The fields by which an index of all nodes begins, as they are stored."""
PUBLIC_NAMES = {stored: public for public, stored in STORED_NAMES.items()}
PREFIX = re.compile(r"\^[\w/-](?![?*{])")
"""How a pattern begins that matches texts with a certain first character only."""
RANGES = {"$eq", "$in", "$gt", "$gte", "$lt", "$lte"}
NO_LIMIT = 0
"""As MongoDB writes it."""


@dataclass(frozen=True)
class Selection:
    """Which nodes, in which order."""

    filter: dict[str, Any]
    order: list[tuple[str, int]]

    def page(self, limit: int, offset: int) -> NodeQuery:
        """Return the query for one page."""
        return NodeQuery(self.filter, self.order, limit, offset)

    def all(self, offset: int) -> NodeQuery:
        """Return the query for all pages; `Invalid` if no index bounds the work."""
        if not is_bounded(self.filter):
            indexed = ", ".join(sorted(PUBLIC_NAMES.get(n, n) for n in INDEXED))
            message = f"give a limit, or a filter by a field with an index: {indexed}"
            raise invalid(("query", "limit"), message)
        return NodeQuery(self.filter, self.order, NO_LIMIT, offset)

    def next_page(self, page: Sequence[dict[str, Any]], limit: int) -> dict[str, str]:
        """Return the header with the cursor of the next page; none after the last."""
        if len(page) < limit:
            return {}
        return {"Next-Cursor": cursor_at(page[-1], self.order)}


async def selection(
    query: QueryFilter,
    sort: Annotated[
        Text | None,
        Query(description="`created`, `id`, or `-created`, `-id` for newest first"),
    ] = None,
    cursor: Annotated[
        Text | None,
        Query(description="the `Next-Cursor` header of a page, for the page after it"),
    ] = None,
) -> Selection:
    """Return which nodes the query parameters ask for."""
    order = parse_sort(sort)
    return Selection(after_cursor(query, order, cursor), order)


CurrentSelection = Annotated[Selection, Depends(selection)]

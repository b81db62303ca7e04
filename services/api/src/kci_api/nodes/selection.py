# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which nodes a request asks for, by its query parameters, as a dependency."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Query, Request
from pydantic import TypeAdapter

from kci_api.nodes.counts import GroupField
from kci_api.nodes.cursors import after_cursor, cursor_at
from kci_api.nodes.queries import NodeQuery, parse_filter, parse_sort
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

PAGING = ("limit", "offset", "sort", "cursor")


def filter_parameters(request: Request, *own: str) -> list[tuple[str, str]]:
    """Return the filters: all parameters but paging and the route's own ones."""
    others = (*PAGING, *own)
    return [
        pair for pair in request.query_params.multi_items() if pair[0] not in others
    ]


async def query_filter(request: Request) -> dict[str, Any]:
    """Return the filter of a list."""
    return parse_filter(filter_parameters(request))


QueryFilter = Annotated[dict[str, Any], Depends(query_filter)]


@dataclass(frozen=True)
class Selection:
    """Which nodes, in which order."""

    filter: dict[str, Any]
    order: list[tuple[str, int]]

    def page(self, limit: int, offset: int) -> NodeQuery:
        """Return the query for one page."""
        return NodeQuery(self.filter, self.order, limit, offset)

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

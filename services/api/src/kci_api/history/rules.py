# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which past events a request asks for."""

from typing import Annotated, Any, Literal

from pydantic import Field

from kci_api.events.rules import EventFilter
from kci_api.nodes.patterns import check_pattern
from kci_api.requests import invalid
from kci_api.times import parse_time
from kci_shared.errors import BadRequest
from kci_shared.models.sizes import LongText, Text

MAX_SEQUENCE = 2**62
"""No position is greater; the database's integers have 64 bits."""


class EventQuery(EventFilter):
    """Conditions on past events, and a page of the matches."""

    id: Text | None = None
    ids: Annotated[LongText | None, Field(description="ids, separated by commas")] = (
        None
    )
    node_id: Text | None = None
    path: Annotated[
        Text | None,
        Field(
            description="a regular expression, of the same subset as `name__re`, that"
            " matches one of the names in the path of the node",
            examples=["^build"],
        ),
    ] = None
    channel: Literal["node"] = "node"
    since: Annotated[
        Text | None,
        Field(alias="from", description="only events after this time or sequence_id"),
    ] = None
    limit: Annotated[int, Field(ge=1, le=1000)] = 1000
    offset: Annotated[int, Field(ge=0, le=10_000_000)] = 0

    recursive: Annotated[
        bool, Field(description="add the node as it is now, as `node`, to each event")
    ] = False

    def mongo_filter(self) -> dict[str, Any]:
        """Return the conditions as a MongoDB filter."""
        query: dict[str, Any] = {
            f"event.data.{field}": {"$in": values}
            for field, values in self.conditions.items()
        }
        if self.id is not None and self.ids is not None:
            raise BadRequest("give either id or ids")
        if self.id is not None:
            query["_id"] = self.id
        if self.ids is not None:
            query["_id"] = {"$in": self.ids.split(",")}
        if self.node_id is not None:
            query["event.data.id"] = self.node_id
        if self.path is not None:
            query["event.data.path"] = {"$regex": _pattern(self.path)}
        if self.since is not None:
            query |= _after(self.since)
        return query


def _pattern(text: str) -> str:
    """Return a regular expression; `Invalid` if it is not of the subset."""
    try:
        check_pattern(text)
    except ValueError as error:
        raise invalid(("query", "path"), f"{text[:100]!r}: {error}") from error
    return text


def _after(since: str) -> dict[str, Any]:
    """Return the condition for events after a position, or after a time."""
    if since.isdecimal():
        return {"sequence": {"$gt": min(int(since), MAX_SEQUENCE)}}
    return {"timestamp": {"$gt": parse_time(since)}}

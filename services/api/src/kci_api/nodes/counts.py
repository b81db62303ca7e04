# SPDX-License-Identifier: LGPL-2.1-or-later
"""Counts of nodes by the values of some fields: what is asked for, and the answer."""

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, Field

from kci_api.nodes.queries import parse_filter
from kci_api.requests import invalid
from kci_shared.errors import Invalid


class GroupField(StrEnum):
    """A field by which nodes are counted."""

    TREEID = "treeid"
    KIND = "kind"
    STATE = "state"
    RESULT = "result"
    NAME = "name"
    GROUP = "group"
    OWNER = "owner"
    ARCH = "data.arch"
    PLATFORM = "data.platform"
    RUNTIME = "data.runtime"
    ERROR_CODE = "data.error_code"


class GroupCount(BaseModel):
    """The number of nodes that have the same values in the fields of `by`."""

    fields: Annotated[
        dict[str, str | None],
        Field(
            description="the values that the nodes share; null where they have none",
            examples=[{"kind": "job", "result": "fail"}],
        ),
    ]
    count: Annotated[int, Field(description="how many nodes", examples=[3])]


BOUNDS = ("treeid", "parent", "name", "data.kernel_revision.commit")
"""Fields with an index that by itself finds no other nodes than those that match."""
OPERATORS = ("", "in")


def parse_fields(text: str) -> list[GroupField]:
    """Return the fields to count by; `Invalid` if one is unknown or given twice."""
    names = text.split(",")
    for name in names:
        if name not in list(GroupField):
            raise _invalid_by(f"{name[:100]!r}: use {', '.join(GroupField)}")
    if len(set(names)) < len(names):
        raise _invalid_by(f"{text[:100]!r} names a field twice")
    return [GroupField(name) for name in names]


def parse_bound(parameters: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """Return the filter, of which an index serves all; `Invalid` for any other.

    The embedded server walks the collection if a filter with a list of values has
    further conditions.
    """
    keys = {key for key, _ in parameters}
    allowed = {f"{name}__{op}" if op else name for name in BOUNDS for op in OPERATORS}
    if len(keys) != 1 or not keys <= allowed:
        sent = ", ".join(sorted(keys)) or "none"
        allowed_text = ", ".join(sorted(allowed))
        raise _invalid_by(
            f"needs exactly one filter: got {sent[:200]}; use one of {allowed_text}"
        )
    return parse_filter(parameters)


def pipeline(query: dict[str, Any], fields: Sequence[GroupField]) -> list[Any]:
    """Return the aggregation that counts the nodes that match, by their values."""
    keys = {f"f{i}": f"${field}" for i, field in enumerate(fields)}
    return [{"$match": query}, {"$group": {"_id": keys, "count": {"$sum": 1}}}]


def group_counts(
    documents: Iterable[Mapping[str, Any]], fields: Sequence[GroupField]
) -> list[GroupCount]:
    """Return the counts of an aggregation's documents, sorted by their values."""
    counts = [
        GroupCount(
            fields={f: one["_id"].get(f"f{i}") for i, f in enumerate(fields)},
            count=one["count"],
        )
        for one in documents
    ]
    return sorted(counts, key=lambda one: [v or "" for v in one.fields.values()])


def _invalid_by(message: str) -> Invalid:
    return invalid(("query", "by"), message)

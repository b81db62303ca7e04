# SPDX-License-Identifier: LGPL-2.1-or-later
"""Lists of nodes without a limit: which are allowed, and how they are sent."""

import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from bson import ObjectId
from starlette.responses import StreamingResponse

from kci_api.nodes.queries import parse_filter
from kci_api.nodes.selection import Selection, is_bounded
from kci_api.nodes.wire import streamed
from kci_shared.errors import Invalid

Batch = Sequence[dict[str, Any]]
ID = "65265305c74695807499037f"


def bounded(query: str) -> bool:
    pairs = [part.split("=", 1) for part in query.split("&") if part]
    return is_bounded(parse_filter([(key, value) for key, value in pairs]))


@pytest.mark.parametrize(
    "query",
    [
        "treeid=t",
        "treeid__in=t,u",
        f"parent={ID}",
        "parent=null",
        "kind=job&owner=alice",
        "created__gte=2026-01-01",
        f"id__gt={ID}",
        "state__ne=done",
        "name__re=^cov",
        "data.kernel_revision.tree=mainline",
    ],
)
def test_a_filter_with_an_index_bounds_a_list(query: str) -> None:
    assert bounded(query)


@pytest.mark.parametrize(
    "query",
    [
        "",
        "owner=alice",
        "treeid__ne=t",
        "treeid__nin=t,u",
        "name__re=cov",
        "name__re=^.*cov",
        "name__re=^c?ov",
        "idempotency_key=null",
    ],
)
def test_other_filters_do_not(query: str) -> None:
    assert not bounded(query)


def test_a_condition_after_a_cursor_still_counts() -> None:
    cursor = {"_id": {"$gt": 1}}
    assert is_bounded({"$and": [{"treeid": "t"}, cursor]})
    assert not is_bounded({"$and": [{"owner": "alice"}, {"owner": "bob"}]})


def test_a_list_without_a_bound_or_limit_is_refused_with_the_fields_to_use() -> None:
    with pytest.raises(Invalid) as refused:
        Selection({"owner": "alice"}, [("_id", 1)]).all(0)
    [error] = refused.value.detail
    assert error["loc"] == ["query", "limit"]
    assert "id, " in error["msg"]
    assert "treeid" in error["msg"]
    assert "ancestors" not in error["msg"]


class DatabaseGone(Exception):
    """The database goes away in the middle of a list."""


async def batches(
    sizes: Sequence[int], error: Exception | None = None
) -> AsyncIterator[Batch]:
    for size in sizes:
        yield [{"_id": ObjectId(), "name": "boot"} for _ in range(size)]
    if error is not None:
        raise error


async def body(batches: AsyncIterator[Batch]) -> AsyncIterator[str]:
    response = await streamed(batches)
    assert isinstance(response, StreamingResponse)
    async for chunk in response.body_iterator:
        yield bytes(chunk).decode() if not isinstance(chunk, str) else chunk


@pytest.mark.parametrize("sizes", [[], [1], [2, 1], [3, 3, 3]])
async def test_batches_become_one_list(sizes: list[int]) -> None:
    nodes = json.loads("".join([chunk async for chunk in body(batches(sizes))]))
    assert [node["name"] for node in nodes] == ["boot"] * sum(sizes)


async def test_a_list_that_breaks_off_is_not_taken_for_a_whole_one() -> None:
    chunks = body(batches([2], DatabaseGone()))
    sent = await anext(chunks)
    with pytest.raises(DatabaseGone):
        await anext(chunks)
    with pytest.raises(json.JSONDecodeError):
        json.loads(sent)


async def test_an_error_of_the_query_comes_before_the_answer_begins() -> None:
    with pytest.raises(DatabaseGone):
        await streamed(batches([], DatabaseGone()))

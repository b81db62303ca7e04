# SPDX-License-Identifier: LGPL-2.1-or-later
"""The query of a sweep: its pages, and how far back it goes."""

from datetime import UTC, datetime, timedelta

from kci_fakes.api import FakeApi
from kci_shared.events.unmarked import PAGE, SWEPT, recent
from kci_shared.models import Kind, NewNode, Node, State

NOW = datetime.now(UTC)


async def swept(api: FakeApi) -> list[Node]:
    nodes = recent(api, NOW, Kind.JOB, State.DONE, **{"data.planned__ne": "true"})
    return [node async for node in nodes]


def add(api: FakeApi, **data: object) -> Node:
    new = NewNode(kind=Kind.JOB, name="boot", state=State.DONE, data=data)
    return api.add(new)


async def test_all_pages_are_read_each_node_once() -> None:
    api = FakeApi()
    nodes = [add(api) for _ in range(2 * PAGE + 1)]
    assert await swept(api) == nodes
    assert api.count_calls("find") == 3


async def test_nodes_with_the_mark_are_not_fetched() -> None:
    api = FakeApi()
    add(api, planned=True)
    assert await swept(api) == []


async def test_nodes_that_are_older_than_some_days_are_left_alone() -> None:
    times = [NOW - SWEPT - timedelta(minutes=1), NOW - SWEPT + timedelta(minutes=1)]
    api = FakeApi(now=lambda: times[0])
    add(api)
    times.pop(0)
    younger = add(api)
    assert await swept(api) == [younger]

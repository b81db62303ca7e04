# SPDX-License-Identifier: LGPL-2.1-or-later
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from kci_api.events.rules import Entry, EventFilter, PendingEvent, ordered
from kci_api.history.rules import EventQuery
from kci_shared.models import Event

EPOCH = datetime(2026, 11, 22, tzinfo=UTC)


def pending(node: str, version: int, second: int) -> PendingEvent:
    time = (EPOCH + timedelta(seconds=second)).isoformat(timespec="milliseconds")
    return PendingEvent(node, version, {"id": f"{node}-{version}", "time": time})


def an_event(**data: Any) -> dict[str, Any]:
    change = {"op": "created", "id": "n", "kind": "job", "name": "boot"}
    return {
        "id": "n-1",
        "time": "2026-11-22T00:00:00.000+00:00",
        "data": change | {"state": "running", "result": None} | data,
    }


def test_events_of_several_nodes_are_ordered_by_time() -> None:
    a = [pending("a", 1, 10), pending("a", 2, 30)]
    b = [pending("b", 1, 20)]
    assert [one.event["id"] for one in ordered([a, b])] == ["a-1", "b-1", "a-2"]


def test_a_slow_clock_does_not_reorder_the_events_of_a_node() -> None:
    a = [pending("a", 2, 10), pending("a", 1, 30)]
    b = [pending("b", 1, 20)]
    assert [one.event["id"] for one in ordered([a, b])] == ["b-1", "a-1", "a-2"]


@settings(max_examples=50)
@given(st.lists(st.lists(st.integers(0, 9), min_size=1, max_size=5), max_size=5))
def test_versions_always_follow_each_other(seconds: list[list[int]]) -> None:
    nodes = [
        [pending(str(node), i + 1, second) for i, second in enumerate(times)]
        for node, times in enumerate(seconds)
    ]
    result = ordered(nodes)
    assert len(result) == sum(map(len, nodes))
    for node in nodes:
        assert [one for one in result if one in node] == node


def test_the_text_of_an_entry_is_its_event_with_the_position() -> None:
    parsed = Event.model_validate_json(Entry(7, an_event()).text)
    assert (parsed.id, parsed.sequence) == ("n-1", 7)


def test_an_empty_filter_matches_all_events() -> None:
    assert EventFilter().matches(an_event())


def test_a_filter_matches_any_of_the_values_in_each_field() -> None:
    conditions = EventFilter.model_validate(
        {"name": ["boot", "smoke"], "op": ["created"]}
    )
    assert conditions.matches(an_event(name="smoke"))
    assert not conditions.matches(an_event(name="login"))
    assert not conditions.matches(an_event(op="updated"))
    assert not EventFilter.model_validate({"group": ["g"]}).matches(an_event())


def test_a_query_becomes_a_filter_of_the_database() -> None:
    query = EventQuery.model_validate(
        {"kind": ["job"], "from": "2026-11-22T01:00:00 01:00", "node_id": "n"}
    )
    assert query.mongo_filter() == {
        "event.data.kind": {"$in": ["job"]},
        "event.data.id": "n",
        "timestamp": {"$gt": EPOCH},
    }

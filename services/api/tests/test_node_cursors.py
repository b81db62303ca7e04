# SPDX-License-Identifier: LGPL-2.1-or-later
from datetime import UTC, datetime

import pytest
from bson import ObjectId

from kci_api.nodes.cursors import Order, after_cursor, cursor_at
from kci_shared.errors import Invalid

ID = ObjectId("65265305c74695807499038a")
TIME = datetime(2026, 11, 22, 12, 0, 0, 5000, UTC)
NODE = {"_id": ID, "created": TIME}
BY_ID: Order = [("_id", 1)]
NEWEST: Order = [("created", -1), ("_id", -1)]


def test_a_cursor_is_an_id_or_a_time_and_an_id() -> None:
    assert cursor_at(NODE, BY_ID) == str(ID)
    assert cursor_at(NODE, NEWEST) == f"1795348800005.{ID}"


def test_without_a_cursor_a_query_is_as_it_was() -> None:
    assert after_cursor({"kind": "job"}, BY_ID, None) == {"kind": "job"}


def test_a_cursor_by_id_continues_after_the_id() -> None:
    query = after_cursor({"kind": "job"}, BY_ID, str(ID))
    assert query == {"kind": "job", "_id": {"$gt": ID}}


def test_a_cursor_by_time_continues_at_the_time_after_the_id() -> None:
    assert after_cursor({}, NEWEST, cursor_at(NODE, NEWEST)) == {
        "created": {"$lte": TIME},
        "$or": [{"created": {"$lt": TIME}}, {"_id": {"$lt": ID}}],
    }


def test_conditions_on_the_same_field_are_both_kept() -> None:
    query = {"_id": {"$lt": ID}}
    both = after_cursor(query, BY_ID, str(ID))
    assert both == {"$and": [query, {"_id": {"$gt": ID}}]}


@pytest.mark.parametrize(
    ("order", "cursor"),
    [
        (BY_ID, "x"),
        (BY_ID, f"1.{ID}"),
        (NEWEST, str(ID)),
        (NEWEST, f"99999999999999{ID}"),
        (NEWEST, f"-99999999999999.{ID}"),
    ],
)
def test_a_cursor_of_another_order_is_refused(order: Order, cursor: str) -> None:
    with pytest.raises(Invalid, match="not a cursor"):
        after_cursor({}, order, cursor)

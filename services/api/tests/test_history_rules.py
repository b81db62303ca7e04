# SPDX-License-Identifier: LGPL-2.1-or-later
from datetime import UTC, datetime
from typing import Any

import pytest

from kci_api.history.rules import MAX_SEQUENCE, EventQuery
from kci_shared.errors import BadRequest, Invalid


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({}, {}),
        ({"id": "a"}, {"_id": "a"}),
        ({"ids": "a,b"}, {"_id": {"$in": ["a", "b"]}}),
        ({"node_id": "n"}, {"event.data.id": "n"}),
        ({"path": "^build"}, {"event.data.path": {"$regex": "^build"}}),
        ({"from": "7"}, {"sequence": {"$gt": 7}}),
        ({"from": "9" * 30}, {"sequence": {"$gt": MAX_SEQUENCE}}),
        (
            {"from": "2026-11-22T12:00:00Z"},
            {"timestamp": {"$gt": datetime(2026, 11, 22, 12, tzinfo=UTC)}},
        ),
    ],
)
def test_each_parameter_is_one_condition(
    parameters: dict[str, str], expected: dict[str, Any]
) -> None:
    assert EventQuery.model_validate(parameters).mongo_filter() == expected


def test_an_id_and_a_list_of_ids_exclude_each_other() -> None:
    with pytest.raises(BadRequest, match="either id or ids"):
        EventQuery(id="a", ids="b").mongo_filter()


def test_a_pattern_outside_the_subset_names_its_parameter() -> None:
    with pytest.raises(Invalid, match="path"):
        EventQuery(path="(a|b)*").mongo_filter()

# SPDX-License-Identifier: LGPL-2.1-or-later
"""Database values as JSON, without secrets."""

import json
import math
from datetime import UTC, datetime, timedelta, timezone

import pytest
from bson import DatetimeMS, Decimal128, Int64, ObjectId
from hypothesis import given
from hypothesis import strategies as st

from kci_import.clean import clean


def cleaned(value: object) -> tuple[object, list[tuple[str, str]]]:
    """Return the value as JSON, and the notes: fields and messages."""
    notes: list[tuple[str, str]] = []
    result: object = clean(value, lambda *note: notes.append(note))
    return result, notes


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (ObjectId("65265305c746958074990370"), "65265305c746958074990370"),
        (Decimal128("2.5"), 2.5),
        (Int64(7), 7),
        (datetime(2019, 1, 2, 3, 4, 5, tzinfo=UTC), "2019-01-02T03:04:05.000+00:00"),
        (datetime(2019, 1, 2), "2019-01-02T00:00:00.000+00:00"),
        (
            datetime(2019, 1, 2, tzinfo=timezone(timedelta(hours=2))),
            "2019-01-01T22:00:00.000+00:00",
        ),
        ({"a": [1, None, True, "x"]}, {"a": [1, None, True, "x"]}),
    ],
)
def test_database_types_become_json(value: object, expected: object) -> None:
    assert cleaned(value) == (expected, [])


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"\0\1", None),
        (math.nan, None),
        (math.inf, None),
        (2**70, str(2**70)),
        (DatetimeMS(2**60), 2**60),
        ("half \ud800", "half \ufffd"),
        ({"$where": 1}, {"_where": 1}),
        ({"a\0b": 1}, {"ab": 1}),
    ],
)
def test_what_json_cannot_hold_is_changed_and_noted(
    value: object, expected: object
) -> None:
    result, notes = cleaned({"x": value})
    assert result == {"x": expected}
    assert len(notes) == 1


@pytest.mark.parametrize(
    "key",
    ["token", "lab_token", "api-key", "Password", "PASSWD", "db.secret", "cookie"],
)
def test_a_secret_is_left_out_at_any_depth(key: str) -> None:
    result, notes = cleaned({"a": [{key: "hunter2", "b": 1}]})
    assert result == {"a": [{"b": 1}]}
    assert notes == [(f"a.0.{key}", "left out: a secret")]


def test_a_field_whose_name_only_resembles_a_secret_is_kept() -> None:
    kept = {"token_count": 3, "tokens": ["x"], "secretary": "x", "token": {"kind": "a"}}
    assert cleaned(kept) == (kept, [])


def test_a_login_in_a_url_is_left_out() -> None:
    result, notes = cleaned({"url": "git clone https://bob:pw@example.org/linux.git"})
    assert result == {"url": "git clone https://example.org/linux.git"}
    assert [field for field, _ in notes] == ["url"]
    assert cleaned("ssh://git@example.org/x") == ("ssh://git@example.org/x", [])


def test_deep_nesting_is_cut() -> None:
    deep: object = "x"
    for _ in range(500):
        deep = [deep]
    result, notes = cleaned(deep)
    json.dumps(result)
    assert len(notes) == 1


anything = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.binary(),
        st.text(),
        st.datetimes(),
        st.text(st.characters(categories=["Cs", "L"])),
    ),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(anything)
def test_any_value_becomes_json(value: object) -> None:
    result, _ = cleaned(value)
    json.dumps(result, allow_nan=False).encode()
    assert cleaned(result) == (result, [])

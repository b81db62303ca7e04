# SPDX-License-Identifier: LGPL-2.1-or-later
from datetime import UTC, datetime, timedelta, timezone

import pytest

from kci_api.times import now, parse_time, stamp, to_milliseconds
from kci_shared.errors import BadRequest

NOON = datetime(2026, 11, 22, 12, 37, 54, 783000, UTC)


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-22T12:37:54.783+00:00",
        "2026-11-22T12:37:54.783 00:00",
        "2026-11-22T12:37:54.783",
        "2026-11-22 12:37:54.783",
        "2026-11-22T12:37:54.783999Z",
        "2026-11-22T14:37:54.783+02:00",
        "2026-11-22T14:37:54.783 0200",
        "2026-11-22T11:37:54.783-01:00",
    ],
)
def test_a_time_is_read_with_or_without_offset_which_may_have_lost_its_plus(
    text: str,
) -> None:
    assert parse_time(text) == NOON


@pytest.mark.parametrize("text", ["2026-11-22", "2026-11-22 00:00"])
def test_a_date_and_a_time_of_day_are_no_offset(text: str) -> None:
    assert parse_time(text) == datetime(2026, 11, 22, tzinfo=UTC)


def test_an_invalid_time_has_the_message_that_clients_know() -> None:
    with pytest.raises(BadRequest) as refused:
        parse_time("bogus")
    assert refused.value.detail == "Invalid isoformat string: 'bogus'"


def test_a_time_out_of_range_in_utc_is_refused() -> None:
    early = datetime.min.replace(tzinfo=timezone(timedelta(hours=14)))
    with pytest.raises(BadRequest, match="out of range"):
        to_milliseconds(early)


def test_times_are_written_with_offset_and_milliseconds() -> None:
    assert stamp(NOON) == "2026-11-22T12:37:54.783+00:00"
    assert now().microsecond % 1000 == 0

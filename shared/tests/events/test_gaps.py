# SPDX-License-Identifier: LGPL-2.1-or-later
from datetime import UTC, datetime

import pytest

from kci_shared.events.gaps import Filling, Gap, filling
from kci_shared.models import Event, Kind, NodeChange, Op, State


def an_event(position: int) -> Event:
    change = NodeChange(
        op=Op.CREATED, id="n", kind=Kind.JOB, name="boot", state=State.RUNNING
    )
    return Event(id="n-1", time=datetime.now(UTC), data=change, sequence=position)


@pytest.mark.parametrize(
    ("page", "used", "expired", "rest"),
    [
        ([], 0, 5, None),
        ([10, 11], 0, 5, None),
        ([5, 6, 7, 8, 9], 5, 0, None),
        ([5, 6, 7, 8, 9, 10], 5, 0, None),
        ([5, 6], 2, 0, Gap(7, 9)),
        ([7, 8], 2, 2, Gap(9, 9)),
        ([9, 10], 1, 4, None),
    ],
)
def test_a_page_of_the_history_fills_the_begin_of_a_gap(
    page: list[int], used: int, expired: int, rest: Gap | None
) -> None:
    events = [an_event(position) for position in page]
    assert filling(Gap(5, 9), events) == Filling(events[:used], expired, rest)


def test_a_gap_is_written_as_it_is_read() -> None:
    assert Gap.parse("5-9") == Gap(5, 9)
    assert str(Gap(5, 9)) == "5-9"

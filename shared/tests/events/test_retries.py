# SPDX-License-Identifier: LGPL-2.1-or-later
import pytest

from kci_shared.errors import Invalid, Unavailable
from kci_shared.events.retries import (
    FIRST_PAUSE_S,
    LONGEST_PAUSE_S,
    MAX_CRASHES,
    is_given_up,
    pause_s,
)


def test_the_pause_doubles_up_to_the_longest_one() -> None:
    assert [pause_s(1), pause_s(2)] == [FIRST_PAUSE_S, 2 * FIRST_PAUSE_S]
    assert pause_s(10_000) == LONGEST_PAUSE_S


@pytest.mark.parametrize(
    ("error", "attempts", "given_up"),
    [
        (Invalid("bad"), 1, True),
        (Unavailable("away"), 1_000, False),
        (RuntimeError("a bug"), MAX_CRASHES - 1, False),
        (RuntimeError("a bug"), MAX_CRASHES, True),
    ],
)
def test_an_event_is_given_up_when_no_attempt_can_help(
    error: Exception, attempts: int, given_up: bool
) -> None:
    assert is_given_up(error, attempts) is given_up

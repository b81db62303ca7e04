# SPDX-License-Identifier: LGPL-2.1-or-later
from dataclasses import replace

from kci_labgrid_bridge.coordinator import GONE
from kci_labgrid_bridge.resting import REST_S, Resting
from kci_labgrid_bridge.rules import Place
from kci_shared.models import ErrorCode, Result
from kci_shared.work import RunOutcome

PLACES = [Place("one", {}), Place("two", {})]
TROUBLE = RunOutcome(Result.INCOMPLETE, ErrorCode.INFRASTRUCTURE, device="one")
CANCELED = RunOutcome(Result.INCOMPLETE, ErrorCode.CANCELED, device="one")
FAILED = RunOutcome(Result.FAIL, ErrorCode.TEST, device="one")


def names(resting: Resting) -> list[str]:
    return [place.name for place in resting.mark(PLACES) if place.rests]


def test_a_place_rests_for_a_while_after_trouble_that_is_the_labs() -> None:
    now = [0.0]
    resting = Resting(lambda: now[0])
    assert names(resting) == []
    resting.note(TROUBLE)
    resting.note(CANCELED)
    assert names(resting) == ["one"]
    now[0] += REST_S
    assert names(resting) == []


def test_a_place_that_gave_a_verdict_of_the_kernel_works_again() -> None:
    resting = Resting()
    resting.note(TROUBLE)
    resting.note(FAILED)
    assert names(resting) == []


def test_a_place_has_nothing_to_do_with_a_coordinator_that_dies() -> None:
    resting = Resting()
    resting.note(replace(TROUBLE, error_msg=GONE))
    assert names(resting) == []


def test_trouble_before_a_job_had_a_place_is_nobodys() -> None:
    resting = Resting()
    resting.note(RunOutcome(Result.INCOMPLETE, ErrorCode.INFRASTRUCTURE))
    assert names(resting) == []

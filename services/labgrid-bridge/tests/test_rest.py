# SPDX-License-Identifier: LGPL-2.1-or-later
from dataclasses import replace

from kci_labgrid_bridge.coordinator import GONE
from kci_labgrid_bridge.rest import REST_SECONDS, Rest
from kci_labgrid_bridge.rules import Place
from kci_shared.models import ErrorCode, Result
from kci_shared.work import RunOutcome

PLACES = [Place("one", {}), Place("two", {})]
TROUBLE = RunOutcome(Result.INCOMPLETE, ErrorCode.INFRASTRUCTURE, device="one")
CANCELED = RunOutcome(Result.INCOMPLETE, ErrorCode.CANCELED, device="one")
FAILED = RunOutcome(Result.FAIL, ErrorCode.TEST, device="one")


def resting(rest: Rest) -> list[str]:
    return [place.name for place in rest.mark(PLACES) if place.rests]


def test_a_place_rests_for_a_while_after_trouble_that_is_the_labs() -> None:
    now = [0.0]
    rest = Rest(lambda: now[0])
    assert resting(rest) == []
    rest.judge(TROUBLE)
    rest.judge(CANCELED)
    assert resting(rest) == ["one"]
    now[0] += REST_SECONDS
    assert resting(rest) == []


def test_a_place_that_gave_a_verdict_of_the_kernel_works_again() -> None:
    rest = Rest()
    rest.judge(TROUBLE)
    rest.judge(FAILED)
    assert resting(rest) == []


def test_a_place_has_nothing_to_do_with_a_coordinator_that_dies() -> None:
    rest = Rest()
    rest.judge(replace(TROUBLE, error_msg=GONE))
    assert resting(rest) == []


def test_trouble_before_a_job_had_a_place_is_nobodys() -> None:
    rest = Rest()
    rest.judge(RunOutcome(Result.INCOMPLETE, ErrorCode.INFRASTRUCTURE))
    assert resting(rest) == []

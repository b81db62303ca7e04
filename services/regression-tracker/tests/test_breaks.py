# SPDX-License-Identifier: LGPL-2.1-or-later
from datetime import UTC, datetime, timedelta

import pytest

from kci_regression_tracker.breaks import Past, Sample, failures_needed, look_back

START = datetime(2026, 1, 1, tzinfo=UTC)


def runs(story: str, proven: bool = False) -> list[Sample]:
    """Read a story such as `P F FFP P`: revisions, and the runs of each."""
    return [
        Sample(
            id=f"{number}{attempt}",
            commit=f"c{number}",
            began=START + timedelta(hours=number),
            created=START + timedelta(hours=number, minutes=attempt),
            passed=letter == "P",
            proven=proven and letter == "F",
        )
        for number, letters in enumerate(story.split())
        for attempt, letter in enumerate(letters.strip("-"))
    ]


def breaks_of(past: Past) -> list[tuple[str, str]]:
    """Say each break by the revisions where it begins and ends."""
    return [
        (one.failed[0].commit, one.fixed.commit if one.fixed else "")
        for one in past.breaks
    ]


@pytest.mark.parametrize(
    ("story", "breaks"),
    [
        ("P P P", []),
        ("P F F", [("c1", "")]),
        ("P F F P", [("c1", "c3")]),
        ("P F F P F F", [("c1", "c3"), ("c4", "")]),
        ("P F", []),  # once may be chance
        ("P FF", [("c1", "")]),  # tried again: it is not
        ("P F - F", [("c1", "")]),  # the lab was down in between
        ("P FFP", []),  # twice of three times, but nobody knows
        ("P FFP F", [("c1", "")]),
        ("P FP F FP F", [("c2", "")]) if failures_needed(3, 2) == 2 else ("P", []),
        ("F F F", []),  # it never passed
        ("F F P F F", [("c3", "")]),
        ("P F P F P F P F F", []),  # flaky: two in a row say nothing
        ("P F P F P F P" + " F" * 20, [("c7", "")]),  # but twenty do
    ],
)
def test_breaks_of_a_story(story: str, breaks: list[tuple[str, str]]) -> None:
    past = look_back(runs(story))
    never_passed = [one for one in past.breaks if one.passed is None]
    found = breaks_of(past)[len(never_passed) :]
    assert found == breaks


def test_one_failure_that_shows_why_is_enough() -> None:
    assert breaks_of(look_back(runs("P F P", proven=True))) == [("c1", "c2")]


def test_a_break_names_its_neighbours() -> None:
    [found] = look_back(runs("P PP F F PP P")).breaks
    assert (found.passed and found.passed.id, found.fixed and found.fixed.id) == (
        "11",
        "40",
    )
    assert [run.id for run in found.failed] == ["20", "30"]


def test_what_may_be_chance_is_known_as_such() -> None:
    past = look_back(runs("P F P P F"))
    assert (past.flakes, [one.samples[0].commit for one in past.doubtful]) == (
        1,
        ["c4"],
    )


def test_the_more_flakes_the_more_failures_it_takes() -> None:
    needed = [failures_needed(50, flakes) for flakes in range(50)]
    assert needed[0] == 2
    assert needed == sorted(needed)

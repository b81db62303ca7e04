# SPDX-License-Identifier: LGPL-2.1-or-later
from dataclasses import replace
from typing import Any

import pytest

from kci_labgrid_bridge.rules import (
    Place,
    count_free,
    fitting,
    probe_device,
    reservation,
)
from kci_shared.lab import LabError, NoDevice

TAGS = {"board": "riotboard"}
FREE = Place("free", TAGS)
HELD = Place("held", TAGS, holder="somebody/else")
OFFLINE = Place("offline", TAGS, is_available=False)
OTHER = Place("other", {"board": "beagle"})


def test_a_place_fits_when_it_has_all_tags() -> None:
    rich = Place("rich", {**TAGS, "rack": "7"})
    assert fitting([FREE, OTHER, rich], TAGS) == [FREE, rich]
    assert fitting([FREE, rich], {**TAGS, "rack": "7"}) == [rich]


def test_only_places_that_could_be_had_now_count_as_free() -> None:
    reserved = Place("reserved", TAGS, is_reserved=True)
    assert count_free([FREE, HELD, OFFLINE, OTHER, reserved], TAGS) == 1


def test_any_place_with_the_tags_will_do_when_all_work() -> None:
    assert reservation([FREE, HELD, OTHER], TAGS) == TAGS


def test_beside_a_place_that_is_offline_a_good_one_is_asked_for_by_name() -> None:
    assert reservation([OFFLINE, HELD, FREE], TAGS) == {**TAGS, "name": "free"}
    reserved = Place("reserved", TAGS, is_reserved=True)
    assert reservation([OFFLINE, reserved, FREE], TAGS) == {**TAGS, "name": "free"}


def test_a_job_queues_for_a_good_place_when_the_free_one_is_offline() -> None:
    assert reservation([OFFLINE, HELD], TAGS) == {**TAGS, "name": "held"}


def test_a_place_that_had_trouble_is_left_alone_as_long_as_others_work() -> None:
    tired = replace(FREE, name="tired", rests=True)
    assert reservation([tired, FREE], TAGS) == {**TAGS, "name": "free"}
    assert reservation([tired, HELD], TAGS) == {**TAGS, "name": "held"}
    assert reservation([tired, OFFLINE], TAGS) == {**TAGS, "name": "tired"}
    assert reservation([tired], TAGS) == TAGS
    assert count_free([tired, FREE], TAGS) == 1
    assert count_free([tired, HELD], TAGS) == 0
    assert count_free([tired, OFFLINE], TAGS) == 1


def test_no_place_with_the_tags_is_a_configuration_error() -> None:
    with pytest.raises(NoDevice, match="board=riotboard"):
        reservation([OTHER], TAGS)


def test_only_places_that_are_offline_are_the_labs_fault() -> None:
    with pytest.raises(LabError, match="offline"):
        reservation([OFFLINE], TAGS)


@pytest.mark.parametrize(
    ("changes", "grade", "said"),
    [
        ({}, "ok", "board-1 (free)"),
        ({"holder": "me/x"}, "ok", "board-1 (held by me/x)"),
        ({"is_available": False}, "wrong", "board-1 (offline)"),
        ({"tags": {}}, "wrong", "no place has the tags device=riot"),
    ],
)
def test_a_check_tells_of_a_device_whether_its_places_work(
    changes: dict[str, Any], grade: str, said: str
) -> None:
    place = replace(Place("board-1", {"device": "riot"}), **changes)
    probe = probe_device("riot", [place], {"device": "riot"})
    assert (str(probe.grade), probe.message) == (grade, said)

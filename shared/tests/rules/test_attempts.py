# SPDX-License-Identifier: LGPL-2.1-or-later
from sample_nodes import NOW, node

from kci_shared.models import Job, Kbuild, Kind, Result
from kci_shared.rules.attempts import (
    INHERITED,
    PLANNED,
    inherited,
    is_planned,
    next_attempt,
    retry,
    setup_of,
)

PLANNED_DATA = {
    "arch": "arm64",
    "platform": "board",
    "runtime": "lab",
    "definition": {"artifacts": {}},
    "priority": 40,
}


def a_job(**data: object) -> Job:
    job = node(parent="b1", group="g", result="fail", data={**PLANNED_DATA, **data})
    assert isinstance(job, Job)
    return job


def test_another_attempt_has_what_was_planned_and_nothing_that_came_of_it() -> None:
    again = next_attempt(a_job(device="board-3", error_msg="lost"), 1)
    assert again.data == PLANNED_DATA
    assert (again.kind, again.name, again.group) == (Kind.JOB, "boot", "g")
    assert (again.parent, again.retry_counter) == ("b1", 1)
    assert again.idempotency_key == "b1/boot/lab/board/1"


def test_a_build_is_known_by_what_it_is_made_of_if_that_is_known() -> None:
    place = {"runtime": "builder", "platform": "build"}
    build = node("kbuild", name="build/gcc", parent="c1", data=place)
    assert isinstance(build, Kbuild)
    key = next_attempt(build, 1).idempotency_key
    assert key == "c1/build/gcc/builder/build/1"
    named = node("kbuild", parent="c1", data={**place, "identity": "1d"})
    assert isinstance(named, Kbuild)
    assert next_attempt(named, 1).idempotency_key == "build/1d/1"


def test_only_failures_are_counted_as_failures() -> None:
    spoiled = a_job(failures=2).model_copy(update={"result": Result.INCOMPLETE})
    assert retry(a_job(), NOW).data["failures"] == 1
    assert retry(a_job(failures=2), NOW).data["failures"] == 3
    assert retry(spoiled, NOW).data["failures"] == 2
    never_failed = a_job().model_copy(update={"result": Result.INCOMPLETE})
    assert "failures" not in retry(never_failed, NOW).data
    assert retry(a_job(), NOW).timeout == NOW


def test_only_a_node_with_the_key_of_its_work_was_planned() -> None:
    key = next_attempt(a_job(), 4).idempotency_key
    assert is_planned(a_job().model_copy(update={"idempotency_key": key}))
    assert not is_planned(a_job().model_copy(update={"idempotency_key": "mail/1"}))
    assert not is_planned(a_job())


def test_a_test_repeats_what_is_known_of_its_job() -> None:
    assert inherited(a_job(device="board-3").data) == {
        "arch": "arm64",
        "platform": "board",
        "runtime": "lab",
    }
    assert set(INHERITED) <= PLANNED
    assert setup_of(a_job())["compiler"] is None

# SPDX-License-Identifier: LGPL-2.1-or-later
"""How the fields of legacy documents are read."""

from datetime import UTC, datetime

import pytest
from bson import ObjectId

from kci_import.legacy.build_logs import read_log
from kci_import.legacy.document_reader import Reading
from kci_import.legacy.fields import created_at, generated_id
from kci_import.legacy.translate import revision, version

OID = "65265305c746958074990370"


@pytest.mark.parametrize(
    ("describe", "numbers"),
    [
        ("v5.10-rc4-next-20201118", (5, 10, None, "-rc4")),
        ("v4.19.152-3-gdeadbeef", (4, 19, 152, None)),
        ("5.4", (5, 4, None, None)),
        ("next-20201118", None),
        ("", None),
    ],
)
def test_a_version_is_read_from_git_describe(
    describe: str, numbers: tuple[object, ...] | None
) -> None:
    names = ("version", "patchlevel", "sublevel", "extra")
    expected = numbers and {
        name: n for name, n in zip(names, numbers, strict=True) if n is not None
    }
    assert version(describe) == expected


def test_git_describe_outranks_the_published_name_of_a_revision() -> None:
    document = {
        "job": "next",
        "kernel": "mine",
        "git_describe": "v5.1",
        "git_branch": "m",
    }
    found = revision(document)
    assert found is not None
    assert (found["tree"], found["describe"], found["branch"]) == ("next", "v5.1", "m")
    assert revision({"kernel": "v5.1"}) is None


def test_fields_that_are_not_taken_are_kept() -> None:
    reading = Reading(
        "build", {"_id": ObjectId(OID), "a": 1, "b": None, "version": "1"}
    )
    assert reading.id == OID
    assert reading.legacy() == {
        "collection": "build",
        "version": "1",
        "extra": {"a": 1},
    }


def test_values_that_repeat_those_of_an_ancestor_are_dropped() -> None:
    reading = Reading("build", {"_id": ObjectId(OID), "job": "next", "kernel": "v5"})
    reading.inherit({"job": "next", "kernel": "v6"})
    assert reading.legacy()["extra"] == {"kernel": "v5"}
    assert [problem.field for problem in reading.problems] == ["kernel"]


def test_a_document_without_a_date_was_created_at_the_time_of_its_id() -> None:
    assert created_at({"_id": ObjectId(OID)}) == ObjectId(OID).generation_time
    at = datetime(2019, 1, 2, tzinfo=UTC)
    assert created_at({"_id": ObjectId(OID), "created_on": at}) == at


def test_a_generated_id_is_stable_and_sorts_by_time() -> None:
    early, late = datetime(2019, 1, 2, tzinfo=UTC), datetime(2020, 1, 2, tzinfo=UTC)
    assert generated_id(early, "job", "a") == generated_id(early, "job", "a")
    assert generated_id(early, "job", "a") != generated_id(early, "job", "b")
    assert generated_id(early, "job", "b") < generated_id(late, "job", "a")
    assert ObjectId(generated_id(early, "x")).generation_time == early


def test_the_lines_of_a_log_are_counted() -> None:
    document = {"errors": [], "warnings": ["w", "v", "w"], "mismatches": ["m"]}
    log = read_log({**document, "mismatches_count": 0})
    assert log["log_summary"] == {"errors": 0, "warnings": 3, "mismatches": 1}
    assert log["log_findings"][0] == {"severity": "warning", "text": "w", "count": 2}

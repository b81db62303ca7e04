# SPDX-License-Identifier: LGPL-2.1-or-later
from datetime import UTC, datetime
from typing import Any

import pytest
from bson import ObjectId

from kci_import.legacy.build_logs import findings
from kci_import.legacy.drafts import revision, version
from kci_import.legacy.fields import Reading, born, made_id

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
def test_a_version_is_read_as_far_as_git_says_it(describe: str, numbers: Any) -> None:
    names = ("version", "patchlevel", "sublevel", "extra")
    expected = numbers and {
        name: n for name, n in zip(names, numbers, strict=True) if n is not None
    }
    assert version(describe) == expected


def test_a_revision_prefers_what_git_says_to_what_was_published() -> None:
    said = {"job": "next", "kernel": "mine", "git_describe": "v5.1", "git_branch": "m"}
    found = revision(said)
    assert found is not None
    assert (found["tree"], found["describe"], found["branch"]) == ("next", "v5.1", "m")
    assert revision({"kernel": "v5.1"}) is None


def test_what_nobody_takes_out_of_a_document_is_kept() -> None:
    reading = Reading(
        "build", {"_id": ObjectId(OID), "a": 1, "b": None, "version": "1"}
    )
    assert reading.id == OID
    assert reading.legacy() == {
        "collection": "build",
        "version": "1",
        "extra": {"a": 1},
    }


def test_what_only_repeats_the_document_above_goes_and_what_differs_stays() -> None:
    reading = Reading("build", {"_id": ObjectId(OID), "job": "next", "kernel": "v5"})
    reading.inherit({"job": "next", "kernel": "v6"})
    assert reading.legacy()["extra"] == {"kernel": "v5"}
    assert [problem.field for problem in reading.problems] == ["kernel"]


def test_a_document_without_a_date_is_as_old_as_its_id() -> None:
    assert born({"_id": ObjectId(OID)}) == ObjectId(OID).generation_time
    at = datetime(2019, 1, 2, tzinfo=UTC)
    assert born({"_id": ObjectId(OID), "created_on": at}) == at


def test_a_made_id_is_the_same_for_the_same_and_sorts_by_time() -> None:
    early, late = datetime(2019, 1, 2, tzinfo=UTC), datetime(2020, 1, 2, tzinfo=UTC)
    assert made_id(early, "job", "a") == made_id(early, "job", "a")
    assert made_id(early, "job", "a") != made_id(early, "job", "b")
    assert made_id(early, "job", "b") < made_id(late, "job", "a")
    assert ObjectId(made_id(early, "x")).generation_time == early


def test_the_lines_of_a_log_are_counted_anew() -> None:
    said = {"errors": [], "warnings": ["w", "v", "w"], "mismatches": ["m"]}
    found = findings({**said, "mismatches_count": 0})
    assert found["log_summary"] == {"errors": 0, "warnings": 3, "mismatches": 1}
    assert found["log_findings"][0] == {"severity": "warning", "text": "w", "count": 2}

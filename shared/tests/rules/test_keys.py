# SPDX-License-Identifier: LGPL-2.1-or-later
import pytest

from kci_shared.rules.keys import (
    build_key,
    checkout_key,
    is_attempt_of,
    job_key,
    same_key,
)

JOB = ("c0ffee", "boot", "lab", "board")


def test_attempts_at_one_job_have_keys_that_differ_in_the_attempt_alone() -> None:
    assert is_attempt_of(job_key(*JOB, 2), job_key(*JOB, 0))
    assert is_attempt_of(build_key("id", 7), build_key("id", 0))
    tip = ("mainline", "a/b", "1234")
    assert is_attempt_of(checkout_key(*tip, 1), checkout_key(*tip, 0))


@pytest.mark.parametrize(
    "key",
    [
        None,
        "",
        job_key("c0ffee", "boot", "lab", "another", 0),
        job_key("c0ffee", "boot2", "lab", "board", 0),
        same_key("c0ffee", "boot/lab/board"),
        f"{job_key(*JOB, 0)}/1",
    ],
)
def test_other_work_has_another_key(key: str | None) -> None:
    assert not is_attempt_of(key, job_key(*JOB, 0))

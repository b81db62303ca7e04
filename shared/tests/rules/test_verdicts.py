# SPDX-License-Identifier: LGPL-2.1-or-later
import pytest
from sample_nodes import finding, node

from kci_shared.models import ErrorCode, Result, Severity
from kci_shared.rules.builds import build_failure
from kci_shared.rules.verdicts import (
    TROUBLES,
    UNKNOWN,
    WORST_FIRST,
    fault_of,
    is_settled,
    on_kernel,
    overall,
    trouble,
    worst,
)

PASS, FAIL, SKIP, INCOMPLETE = Result.PASS, Result.FAIL, Result.SKIP, Result.INCOMPLETE
LOG = {"log": "http://storage/log"}


def test_every_result_has_a_rank_and_every_error_code_a_meaning() -> None:
    assert set(WORST_FIRST) == set(Result)
    assert set(TROUBLES) == set(ErrorCode)


@pytest.mark.parametrize(
    ("results", "expected"),
    [
        ([], PASS),
        ([SKIP], PASS),
        ([PASS, SKIP], PASS),
        ([PASS, INCOMPLETE, SKIP], INCOMPLETE),
        ([INCOMPLETE, FAIL], FAIL),
    ],
)
def test_a_job_is_as_bad_as_the_worst_of_its_tests(
    results: list[Result], expected: Result
) -> None:
    assert overall(results) is expected


def test_what_was_skipped_outranks_a_pass() -> None:
    assert worst([PASS, SKIP]) is SKIP


@pytest.mark.parametrize(
    ("results", "expected"),
    [
        ([], None),
        ([None], None),
        ([SKIP, PASS], None),
        ([PASS, FAIL], PASS),
        ([FAIL, PASS], FAIL),
        ([FAIL, INCOMPLETE], None),
        ([INCOMPLETE], None),
    ],
)
def test_a_run_that_did_not_come_to_its_end_says_nothing_about_the_kernel(
    results: list[Result | None], expected: Result | None
) -> None:
    assert on_kernel(results) is expected


def test_only_what_the_machines_spoiled_is_worth_another_attempt() -> None:
    spoiled = {code for code in ErrorCode if trouble(code).is_spoiled}
    assert spoiled == {ErrorCode.INFRASTRUCTURE, ErrorCode.KBUILD_INTERNAL_ERROR}


@pytest.mark.parametrize("code", [None, "", "a lab's own"])
def test_an_unknown_error_code_excuses_nothing(code: str | None) -> None:
    assert trouble(code) is UNKNOWN


def test_a_job_with_a_log_is_settled_only_after_the_log_was_read() -> None:
    assert not is_settled(node(state="running"))
    assert is_settled(node(state="done"))
    assert not is_settled(node(state="done", artifacts=LOG))
    assert is_settled(node(state="done", artifacts=LOG, data={"findings": []}))


def test_a_test_is_settled_without_a_log_of_its_own() -> None:
    assert is_settled(node("test", state="done", artifacts=LOG))


def test_the_first_fault_counts_and_a_warning_is_none() -> None:
    warning, fault = finding(Severity.WARNING), finding()
    assert fault_of(node(data={"findings": [warning, fault, finding()]})) == fault
    assert fault_of(node(data={"findings": [warning]})) is None
    assert fault_of(node("checkout")) is None


def test_a_failed_build_is_told_by_the_first_error_in_its_log() -> None:
    shown = [finding(Severity.WARNING), finding(headline="a.c:1:1: error: no")]
    reported = "make[2]: *** [Makefile:1] Error 1"
    assert build_failure(shown, reported) == "a.c:1:1: error: no"
    assert build_failure(shown[:1], reported) == reported
    assert build_failure(None, None) is None

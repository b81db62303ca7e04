# SPDX-License-Identifier: LGPL-2.1-or-later
"""KCIDB's status of each result and error code."""

import pytest

from kci_kcidb_bridge.row_models import Status
from kci_kcidb_bridge.verdicts import is_final, is_valid, status_of
from kci_shared.models import NODE, ErrorCode, Node, Result

LOG = {"log": "http://storage/00/console.log"}


def a_node(kind: str, **fields: object) -> Node:
    time = "2026-11-22T12:00:00.000+00:00"
    fixed = {"id": "a" * 24, "name": kind, "owner": "x", "kind": kind}
    return NODE.validate_python({**fixed, "created": time, "updated": time, **fields})


def a_job(result: Result | None, code: str | None = None) -> Node:
    return a_node("job", state="done", result=result, data={"error_code": code})


@pytest.mark.parametrize(
    ("result", "code", "status"),
    [
        (Result.PASS, None, Status.PASS),
        (Result.FAIL, None, Status.FAIL),
        (Result.SKIP, None, Status.SKIP),
        (None, None, Status.DONE),
        (Result.FAIL, ErrorCode.TEST, Status.FAIL),
        (Result.FAIL, ErrorCode.INFRASTRUCTURE, Status.ERROR),
        (Result.INCOMPLETE, None, Status.ERROR),
        (Result.INCOMPLETE, ErrorCode.INFRASTRUCTURE, Status.ERROR),
        (Result.INCOMPLETE, ErrorCode.CANCELED, Status.ERROR),
        (Result.INCOMPLETE, ErrorCode.LAVA_TIMEOUT, Status.ERROR),
        (Result.INCOMPLETE, ErrorCode.MULTINODE_TIMEOUT, Status.ERROR),
        (Result.INCOMPLETE, ErrorCode.TEST, Status.ERROR),
        (Result.INCOMPLETE, ErrorCode.BUG, Status.MISS),
        (Result.INCOMPLETE, ErrorCode.CONFIGURATION, Status.MISS),
        (Result.INCOMPLETE, ErrorCode.INVALID_JOB_PARAMS, Status.MISS),
        (Result.INCOMPLETE, ErrorCode.JOB, Status.MISS),
        (Result.INCOMPLETE, ErrorCode.JOB_GENERATION_ERROR, Status.MISS),
        (Result.INCOMPLETE, ErrorCode.KBUILD_INTERNAL_ERROR, Status.MISS),
        (Result.INCOMPLETE, ErrorCode.NODE_TIMEOUT, Status.MISS),
        (Result.INCOMPLETE, ErrorCode.OBJECT_NOT_PERSISTED, Status.MISS),
        (Result.INCOMPLETE, ErrorCode.SUBMIT_ERROR, Status.MISS),
        (Result.INCOMPLETE, ErrorCode.UNEXISTING_PERMISSION, Status.MISS),
        (Result.INCOMPLETE, "a code of another system", Status.ERROR),
    ],
)
def test_each_result_has_a_status(
    result: Result | None, code: str | None, status: Status
) -> None:
    node = a_job(result, code)
    assert status_of(node, node) is status


@pytest.mark.parametrize("result", [None, *Result])
@pytest.mark.parametrize("kind", ["checkout", "kbuild", "job", "test"])
def test_any_node_with_any_result_has_a_status(
    kind: str, result: Result | None
) -> None:
    node = a_node(kind, state="done", result=result)
    assert status_of(node, node) in Status
    assert is_valid(node) in (True, False, None)


@pytest.mark.parametrize(
    ("result", "status"),
    [
        (Result.PASS, Status.PASS),
        (Result.SKIP, Status.SKIP),
        (Result.FAIL, Status.ERROR),
        (Result.INCOMPLETE, Status.ERROR),
    ],
)
def test_a_lab_failure_is_not_a_test_failure(result: Result, status: Status) -> None:
    job = a_job(Result.INCOMPLETE, ErrorCode.INFRASTRUCTURE)
    test = a_node("test", state="done", result=result)
    assert status_of(test, job) is status


@pytest.mark.parametrize(
    ("kind", "fields", "final"),
    [
        ("checkout", {"state": "running"}, False),
        ("checkout", {"state": "available"}, True),
        ("checkout", {"state": "done"}, True),
        ("kbuild", {"state": "available"}, False),
        ("kbuild", {"state": "done"}, True),
        ("job", {"state": "done"}, True),
        ("job", {"state": "done", "artifacts": LOG}, False),
        ("job", {"state": "done", "artifacts": LOG, "data": {"findings": []}}, True),
        ("test", {"state": "running"}, False),
        ("test", {"state": "done"}, True),
    ],
)
def test_a_node_is_final_once_its_verdict_cannot_change(
    kind: str, fields: dict[str, object], final: bool
) -> None:
    assert is_final(a_node(kind, **fields)) is final


@pytest.mark.parametrize(
    ("fields", "valid"),
    [
        ({"result": "pass"}, True),
        ({"result": "fail"}, False),
        ({"result": None}, None),
        ({"result": "skip"}, None),
        ({"result": "incomplete", "data": {"error_code": "node_timeout"}}, None),
        (
            {"result": "incomplete", "data": {"error_code": "git_checkout_failure"}},
            False,
        ),
    ],
)
def test_a_checkout_is_valid_if_there_are_sources_to_build(
    fields: dict[str, object], valid: bool | None
) -> None:
    assert is_valid(a_node("checkout", **fields)) is valid

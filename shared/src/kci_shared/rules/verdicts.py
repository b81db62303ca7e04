# SPDX-License-Identifier: LGPL-2.1-or-later
"""What results, error codes and findings say about a kernel; pure."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from kci_shared.models import (
    ErrorCode,
    Finding,
    Job,
    Kbuild,
    Node,
    Result,
    Severity,
    State,
)
from kci_shared.rules.artifacts import log_url

WORST_FIRST = (Result.FAIL, Result.INCOMPLETE, Result.SKIP, Result.PASS)
"""The order in which results outrank each other when several become one."""


class Trouble(NamedTuple):
    """What an error code says of a run that did not end well."""

    has_run: bool
    """False: the lab never started it, so the run says nothing about the test."""
    is_spoiled: bool
    """True: the lab or the builder failed; another attempt may succeed."""


TROUBLES: dict[str, Trouble] = {
    ErrorCode.INVALID_JOB_PARAMS: Trouble(has_run=False, is_spoiled=False),
    ErrorCode.SUBMIT_ERROR: Trouble(has_run=False, is_spoiled=False),
    ErrorCode.NODE_TIMEOUT: Trouble(has_run=False, is_spoiled=False),
    ErrorCode.INFRASTRUCTURE: Trouble(has_run=True, is_spoiled=True),
    ErrorCode.CANCELED: Trouble(has_run=True, is_spoiled=False),
    ErrorCode.JOB: Trouble(has_run=False, is_spoiled=False),
    ErrorCode.BUG: Trouble(has_run=False, is_spoiled=False),
    ErrorCode.TEST: Trouble(has_run=True, is_spoiled=False),
    ErrorCode.CONFIGURATION: Trouble(has_run=False, is_spoiled=False),
    ErrorCode.LAVA_TIMEOUT: Trouble(has_run=True, is_spoiled=False),
    ErrorCode.MULTINODE_TIMEOUT: Trouble(has_run=True, is_spoiled=False),
    ErrorCode.OBJECT_NOT_PERSISTED: Trouble(has_run=False, is_spoiled=False),
    ErrorCode.UNEXISTING_PERMISSION: Trouble(has_run=False, is_spoiled=False),
    ErrorCode.JOB_GENERATION_ERROR: Trouble(has_run=False, is_spoiled=False),
    ErrorCode.KBUILD_INTERNAL_ERROR: Trouble(has_run=False, is_spoiled=True),
    ErrorCode.GIT_CHECKOUT_FAILURE: Trouble(has_run=True, is_spoiled=False),
}
UNKNOWN = Trouble(has_run=True, is_spoiled=False)


def trouble(error_code: str | None) -> Trouble:
    """Return the meaning of a node's error code; other systems' codes have none."""
    return TROUBLES.get(error_code or "", UNKNOWN)


def overall(results: Iterable[Result]) -> Result:
    """Return the result of a job by those of its tests; a skipped test does no harm."""
    result = worst(results)
    return Result.PASS if result is Result.SKIP else result


def worst(results: Iterable[Result]) -> Result:
    """Return the result that outranks the others; pass when there are none."""
    return min(results, key=WORST_FIRST.index, default=Result.PASS)


def on_kernel(results: Sequence[Result | None]) -> Result | None:
    """Return what a node says about its kernel: pass, fail, or None if nothing.

    Takes the results of the node and of all nodes above it, its own first. A test of a
    run that did not come to its end says nothing.
    """
    if Result.INCOMPLETE in results or not results:
        return None
    return None if results[0] is Result.SKIP else results[0]


def is_settled(node: Node) -> bool:
    """Say whether a node's result is final: it is done, and its log, if any, was read.

    Only then may it leave the system: a fault in the log outranks what a lab says.
    """
    if node.state is not State.DONE:
        return False
    if not isinstance(node, Kbuild | Job) or log_url(node) is None:
        return True
    return node.data.findings is not None


def faults(findings: Iterable[Finding] | None) -> list[Finding]:
    """Return the findings that prove a kernel, or a build, to be broken."""
    return [one for one in findings or () if one.severity == Severity.FAULT]


def fault_of(node: Node) -> Finding | None:
    """Return the first fault in a node's own log."""
    findings = getattr(node.data, "findings", None)
    return next(iter(faults(findings)), None)

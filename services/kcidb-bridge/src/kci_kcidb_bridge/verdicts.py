# SPDX-License-Identifier: LGPL-2.1-or-later
"""KCIDB's status of a result, and whether it can still change; pure."""

from collections.abc import Mapping
from typing import assert_never

from kci_kcidb_bridge.rows import Status
from kci_shared.models import Checkout, ErrorCode, Node, Result, State
from kci_shared.rules.verdicts import is_settled

INCOMPLETE: Mapping[str | None, Status] = {
    None: Status.ERROR,
    ErrorCode.BUG: Status.MISS,
    ErrorCode.CANCELED: Status.ERROR,
    ErrorCode.CONFIGURATION: Status.MISS,
    ErrorCode.GIT_CHECKOUT_FAILURE: Status.ERROR,
    ErrorCode.INFRASTRUCTURE: Status.ERROR,
    ErrorCode.INVALID_JOB_PARAMS: Status.MISS,
    ErrorCode.JOB: Status.MISS,
    ErrorCode.JOB_GENERATION_ERROR: Status.MISS,
    ErrorCode.KBUILD_INTERNAL_ERROR: Status.MISS,
    ErrorCode.LAVA_TIMEOUT: Status.ERROR,
    ErrorCode.MULTINODE_TIMEOUT: Status.ERROR,
    ErrorCode.NODE_TIMEOUT: Status.MISS,
    ErrorCode.OBJECT_NOT_PERSISTED: Status.MISS,
    ErrorCode.SUBMIT_ERROR: Status.MISS,
    ErrorCode.TEST: Status.ERROR,
    ErrorCode.UNEXISTING_PERMISSION: Status.MISS,
}
"""Status of an incomplete run by its error code: MISS if the run never started."""


def is_final(node: Node) -> bool:
    """Return whether the node's row needs no correction later.

    KCIDB keeps the first value of each field for good. A checkout is final as soon as
    its sources are available.
    """
    if isinstance(node, Checkout):
        return node.state in (State.AVAILABLE, State.DONE)
    return is_settled(node)


def status_of(node: Node, run: Node) -> Status:
    """Return the status of a node of `run`: a lab failure is ERROR, never FAIL."""
    match node.result:
        case Result.PASS:
            return Status.PASS
        case Result.FAIL:
            codes = (node.data.error_code, run.data.error_code)
            return Status.ERROR if ErrorCode.INFRASTRUCTURE in codes else Status.FAIL
        case Result.SKIP:
            return Status.SKIP
        case Result.INCOMPLETE:
            return _status_of_incomplete(node, run)
        case None:
            return Status.DONE
        case _:
            assert_never(node.result)


def _status_of_incomplete(node: Node, run: Node) -> Status:
    """Return ERROR for codes of other systems, too."""
    if run.data.error_code == ErrorCode.INFRASTRUCTURE:
        return Status.ERROR
    return INCOMPLETE.get(node.data.error_code, Status.ERROR)


def is_valid(checkout: Node) -> bool | None:
    """Return whether there are sources to build; None if that is unknown."""
    if checkout.data.error_code == ErrorCode.GIT_CHECKOUT_FAILURE:
        return False
    match checkout.result:
        case Result.PASS:
            return True
        case Result.FAIL:
            return False
        case Result.SKIP | Result.INCOMPLETE | None:
            return None
        case _:
            assert_never(checkout.result)

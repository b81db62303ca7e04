# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which status a result is, and which nodes are final; pure."""

from kci_kcidb_bridge.rows import Status
from kci_shared.models import Checkout, ErrorCode, Node, Result, State
from kci_shared.rules.verdicts import is_settled

NEVER_RAN = frozenset(
    {
        ErrorCode.BUG,
        ErrorCode.CONFIGURATION,
        ErrorCode.INVALID_JOB_PARAMS,
        ErrorCode.JOB,
        ErrorCode.JOB_GENERATION_ERROR,
        ErrorCode.KBUILD_INTERNAL_ERROR,
        ErrorCode.NODE_TIMEOUT,
        ErrorCode.OBJECT_NOT_PERSISTED,
        ErrorCode.SUBMIT_ERROR,
        ErrorCode.UNEXISTING_PERMISSION,
    }
)
"""Why an incomplete run says nothing, not even that its test is broken."""

VALID = {Result.PASS: True, Result.FAIL: False, None: None}
PLAIN = {Result.PASS: Status.PASS, Result.SKIP: Status.SKIP, None: Status.DONE}


def is_final(node: Node) -> bool:
    """Say whether what KCIDB is told of a node will never have to be corrected.

    There the first value of a field stays for ever. A checkout is told as soon as
    there is something to test.
    """
    if isinstance(node, Checkout):
        return node.state in (State.AVAILABLE, State.DONE)
    return is_settled(node)


def status_of(node: Node, run: Node) -> Status:
    """Return the status of a node of a run; trouble in the lab is nobody's failure."""
    if node.result in PLAIN:
        return PLAIN[node.result]
    codes = {node.data.error_code, run.data.error_code}
    if ErrorCode.INFRASTRUCTURE in codes:
        return Status.ERROR
    if node.result is Result.FAIL:
        return Status.FAIL
    return Status.MISS if node.data.error_code in NEVER_RAN else Status.ERROR


def is_valid(checkout: Node) -> bool | None:
    """Say whether there is a tree to build; None while, or because, nobody knows."""
    if checkout.data.error_code == ErrorCode.GIT_CHECKOUT_FAILURE:
        return False
    return VALID.get(checkout.result)

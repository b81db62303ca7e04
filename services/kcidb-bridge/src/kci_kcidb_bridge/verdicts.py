# SPDX-License-Identifier: LGPL-2.1-or-later
"""KCIDB's status of a result, and whether it can still change; pure."""

from typing import assert_never

from kci_kcidb_bridge.row_models import Status
from kci_shared.models import Checkout, ErrorCode, Node, Result, State
from kci_shared.rules.verdicts import is_settled, trouble


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
        case Result.SKIP:
            return Status.SKIP
        case Result.FAIL | Result.INCOMPLETE if _lab_failed(node, run):
            return Status.ERROR
        case Result.FAIL:
            return Status.FAIL
        case Result.INCOMPLETE:
            has_run = trouble(node.data.error_code).has_run
            return Status.ERROR if has_run else Status.MISS
        case None:
            return Status.DONE
        case _:
            assert_never(node.result)


def _lab_failed(node: Node, run: Node) -> bool:
    return ErrorCode.INFRASTRUCTURE in (node.data.error_code, run.data.error_code)


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

# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who is to blame for a job that did not run to its end: the kernel, or the lab."""

from typing import NamedTuple

from kci_shared.models import ErrorCode, Result


class Fault(NamedTuple):
    """What kept a job from its end."""

    result: Result
    code: ErrorCode
    message: str


def kernel_fault(message: str) -> Fault:
    """Blame the kernel: the job fails."""
    return Fault(Result.FAIL, ErrorCode.TEST, message)


def lab_fault(message: str, code: ErrorCode = ErrorCode.INFRASTRUCTURE) -> Fault:
    """Blame the lab: the job is incomplete, which says nothing about the kernel."""
    return Fault(Result.INCOMPLETE, code, message)

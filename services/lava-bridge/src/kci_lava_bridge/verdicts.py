# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who is to blame for a job that LAVA did not complete; pure.

LAVA's own error types are unreliable: it reports a panic under `-no-reboot` as
"Infrastructure: Connection closed", and a storage that is down as "Job". So the log
decides first, then the LAVA action that failed, then the error type.
"""

import re
from collections.abc import Iterable
from typing import NamedTuple

from kci_lava_bridge.log import LogFacts
from kci_lava_bridge.results import OWN_SUITE, Case
from kci_shared.lab.faults import Fault, kernel_fault, lab_fault
from kci_shared.models import ErrorCode, Result

JOB_CASE = "job"
BOOTS = frozenset({"login-action", "auto-login-action", "kernel-messages"})
LOADS = frozenset(
    {"bootloader-interrupt", "bootloader-commands", "uboot-commands", "pdu-reboot"}
)
FETCHES = frozenset({"validate", "http-download", "file-download", "scp-download"})


class Row(NamedTuple):
    """An error that LAVA may report, and its error code; None and "" match anything."""

    types: frozenset[str] | None
    failed: frozenset[str] | None
    """LAVA's own actions; one of them must have failed."""
    message: str
    """A regular expression."""
    code: ErrorCode


def _row(
    types: str, code: ErrorCode, failed: frozenset[str] | None = None, message: str = ""
) -> Row:
    return Row(frozenset(types.split()), failed, message, code)


UNREACHED = r"timed out|refused|unreachable|resolve|reset by peer|\(5\d\d\)|\(429\)"
TABLE = [
    # the storage did not answer; a later attempt may succeed
    _row("Job", ErrorCode.INFRASTRUCTURE, FETCHES, UNREACHED),
    # an artifact is missing, or has another hash
    _row("Job", ErrorCode.JOB, FETCHES, r"Resource unavailable|does not match"),
    _row("Job", ErrorCode.INVALID_JOB_PARAMS, message=r"Invalid job data|strategies"),
    # the boot loader did not start the kernel
    _row("Job", ErrorCode.INFRASTRUCTURE, LOADS),
    _row("Job", ErrorCode.JOB),
    _row("Infrastructure", ErrorCode.INFRASTRUCTURE),
    _row("Configuration", ErrorCode.CONFIGURATION),
    _row("Bug", ErrorCode.BUG),
    _row("Test", ErrorCode.TEST),
    _row("Canceled", ErrorCode.CANCELED),
    _row("LAVATimeout", ErrorCode.LAVA_TIMEOUT),
    _row("MultinodeTimeout", ErrorCode.MULTINODE_TIMEOUT),
    Row(None, None, "", ErrorCode.INFRASTRUCTURE),
]
"""For incomplete jobs that are not the kernel's fault; the first match counts."""


def find_job_case(cases: Iterable[Case]) -> Case | None:
    """Return the case that is LAVA's summary of a job."""
    own = (case for case in cases if case.suite == OWN_SUITE)
    return next((case for case in own if case.name == JOB_CASE), None)


def failed_actions(cases: Iterable[Case]) -> list[str]:
    """Return the names of LAVA's own actions that failed, in order, each once."""
    failed = (
        case.name
        for case in cases
        if case.suite == OWN_SUITE and case.result is Result.FAIL
    )
    return [name for name in dict.fromkeys(failed) if name != JOB_CASE]


def has_booted(cases: Iterable[Case]) -> bool:
    """Return whether a login succeeded, at any attempt, or a test has run."""
    return any(
        case.result is Result.PASS and case.name in BOOTS - {"kernel-messages"}
        for case in cases
        if case.suite == OWN_SUITE
    ) or any(case.suite != OWN_SUITE for case in cases)


def blame(cases: list[Case], facts: LogFacts) -> Fault:
    """Return whose fault it is that a job is incomplete."""
    if dying := facts.panic or facts.fault:
        return kernel_fault(dying)
    summary = find_job_case(cases)
    if summary is None:
        return lab_fault("LAVA's dispatcher ended without a verdict")
    failed = set(failed_actions(cases))
    message = summary.error_msg or "LAVA reports a failure without a message"
    kind = summary.error_type or ""
    if kind == "Job" and failed & BOOTS and not has_booted(cases):
        return _not_booted(failed, facts, message)
    row = next(row for row in TABLE if _fits(row, kind, failed, message))
    return lab_fault(message, row.code)


def _not_booted(failed: set[str], facts: LogFacts, message: str) -> Fault:
    """Blame the kernel if its banner was seen, unless LAVA missed the login prompt."""
    if not facts.spoke:
        return lab_fault(f"no kernel on the console: {message}")
    if facts.prompted and "login-action" not in failed:
        return lab_fault(f"LAVA missed the login prompt: {message}")
    return kernel_fault(message)


def _fits(row: Row, kind: str, failed: set[str], message: str) -> bool:
    return (
        (row.types is None or kind in row.types)
        and (row.failed is None or bool(row.failed & failed))
        and re.search(row.message, message) is not None
    )

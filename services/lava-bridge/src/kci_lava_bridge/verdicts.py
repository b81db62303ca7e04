# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who is to blame for a job that LAVA could not complete: a table, and its rules; pure.

LAVA's own types are a hint at best: a panic under `-no-reboot` is "Infrastructure:
Connection closed" to it, and a storage that is down is "Job". So the log comes first,
then what LAVA was doing, then its type.
"""

import re
from collections.abc import Iterable
from typing import NamedTuple

from kci_lava_bridge.log import LogFacts
from kci_lava_bridge.results import OWN_SUITE, Case
from kci_shared.models import ErrorCode, Result

JOB_CASE = "job"
BOOTS = frozenset({"login-action", "auto-login-action", "kernel-messages"})
LOADS = frozenset(
    {"bootloader-interrupt", "bootloader-commands", "uboot-commands", "pdu-reboot"}
)
FETCHES = frozenset({"validate", "http-download", "file-download", "scp-download"})


class Trouble(NamedTuple):
    """What kept a job from its end, in the words of the API."""

    result: Result
    code: ErrorCode
    message: str


class Row(NamedTuple):
    """What LAVA may say, and what it means; None and "" fit everything."""

    types: frozenset[str] | None
    failed: frozenset[str] | None
    """LAVA's own actions, of which one must have failed."""
    message: str
    """A regular expression."""
    code: ErrorCode


def _row(
    types: str, code: ErrorCode, failed: frozenset[str] | None = None, message: str = ""
) -> Row:
    return Row(frozenset(types.split()), failed, message, code)


UNREACHED = r"timed out|refused|unreachable|resolve|reset by peer|\(5\d\d\)|\(429\)"
TABLE = [
    # the storage did not answer; another time it may
    _row("Job", ErrorCode.INFRASTRUCTURE, FETCHES, UNREACHED),
    # an artifact is not there, or is another one
    _row("Job", ErrorCode.JOB, FETCHES, r"Resource unavailable|does not match"),
    _row("Job", ErrorCode.INVALID_JOB_PARAMS, message=r"Invalid job data|strategies"),
    # a board whose boot loader never came as far as the kernel
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
"""For jobs that are incomplete by no fault of the kernel; the first row that fits."""


def find_job_case(cases: Iterable[Case]) -> Case | None:
    """Return the case in which LAVA sums a job up."""
    own = (case for case in cases if case.suite == OWN_SUITE)
    return next((case for case in own if case.name == JOB_CASE), None)


def failed_actions(cases: Iterable[Case]) -> list[str]:
    """Name those of LAVA's own actions that failed, each once, in their order."""
    failed = (
        case.name
        for case in cases
        if case.suite == OWN_SUITE and case.result is Result.FAIL
    )
    return [name for name in dict.fromkeys(failed) if name != JOB_CASE]


def has_booted(cases: Iterable[Case]) -> bool:
    """Say whether a login succeeded, at whatever attempt; or tests came to run."""
    return any(
        case.result is Result.PASS and case.name in BOOTS - {"kernel-messages"}
        for case in cases
        if case.suite == OWN_SUITE
    ) or any(case.suite != OWN_SUITE for case in cases)


def blame(cases: list[Case], facts: LogFacts) -> Trouble:
    """Tell who is to blame for a job that is incomplete."""
    if dying := facts.panic or facts.fault:
        return Trouble(Result.FAIL, ErrorCode.TEST, dying)
    summary = find_job_case(cases)
    if summary is None:
        said = "LAVA's dispatcher ended without a verdict"
        return Trouble(Result.INCOMPLETE, ErrorCode.INFRASTRUCTURE, said)
    failed = set(failed_actions(cases))
    message = summary.error_msg or "LAVA says no more than that it failed"
    kind = summary.error_type or ""
    if kind == "Job" and failed & BOOTS and not has_booted(cases):
        return _not_booted(failed, facts, message)
    row = next(row for row in TABLE if _fits(row, kind, failed, message))
    return Trouble(Result.INCOMPLETE, row.code, message)


def _not_booted(failed: set[str], facts: LogFacts, message: str) -> Trouble:
    """Blame the kernel if it had begun to speak, and LAVA did not miss its login."""
    if not facts.spoke:
        said = f"no kernel on the console: {message}"
        return Trouble(Result.INCOMPLETE, ErrorCode.INFRASTRUCTURE, said)
    if facts.prompted and "login-action" not in failed:
        said = f"LAVA missed the login prompt: {message}"
        return Trouble(Result.INCOMPLETE, ErrorCode.INFRASTRUCTURE, said)
    return Trouble(Result.FAIL, ErrorCode.TEST, message)


def _fits(row: Row, kind: str, failed: set[str], message: str) -> bool:
    return (
        (row.types is None or kind in row.types)
        and (row.failed is None or bool(row.failed & failed))
        and re.search(row.message, message) is not None
    )

# SPDX-License-Identifier: LGPL-2.1-or-later
"""What must hold for each revision of the demo: sentences, each with its check."""

from collections.abc import Callable

from kci_demo.evidence import Evidence
from kci_shared.models import ErrorCode, Finding, Result, State

Expectation = tuple[str, Callable[[Evidence], bool]]


def unmet(expectations: list[Expectation], evidence: Evidence) -> list[str]:
    """Return the sentences that do not hold."""
    return [sentence for sentence, holds in expectations if not holds(evidence)]


def _closed(evidence: Evidence) -> bool:
    return evidence.node(evidence.submission.checkout_id).state is State.DONE


def _all_rows_arrived(evidence: Evidence) -> bool:
    rows = evidence.rows.get("tests", {})
    ids = {node.id for node in [*evidence.jobs(), *evidence.tests()]}
    return ids <= {row_id.partition(":")[2] for row_id in rows}


def _row_statuses(evidence: Evidence) -> set[str]:
    rows = evidence.rows.get("tests", {}).values()
    return {str(row.get("status")) for row in rows}


def _faults(evidence: Evidence) -> list[Finding]:
    """Return the faults of the kernel; a slow host causes warnings only."""
    return [found for found in evidence.findings() if found.severity == "fault"]


def _panic_is_found(evidence: Evidence) -> bool:
    return any(
        found.kind == "panic" and "Kernel panic" in found.headline and found.line > 1
        for found in evidence.findings()
    )


def _mail_shows_panic(evidence: Evidence) -> bool:
    bodies = [str(mail.get_content()) for mail in evidence.mails.values()]
    return len(bodies) == 1 and "Kernel panic - not syncing" in bodies[0]


def _regression_names_both(evidence: Evidence) -> bool:
    if len(evidence.regressions) != 1:
        return False
    data = evidence.regressions[0].data
    good, bad = data.passed_kernel_revision, data.failed_kernel_revision
    return good is not None and bad == evidence.submission.revision and good != bad


def _first_boot_blames_the_lab(evidence: Evidence) -> bool:
    first = evidence.jobs("boot")[:1]
    return any(
        job.result is Result.INCOMPLETE
        and job.data.error_code == ErrorCode.INFRASTRUCTURE
        for job in first
    )


CLOSED: Expectation = ("the checkout is closed", _closed)
ROWS: Expectation = ("every job and test is at KCIDB", _all_rows_arrived)
NO_REGRESSION: Expectation = ("there is no regression", lambda e: not e.regressions)

BOOTED: list[Expectation] = [
    ("boot passes", lambda e: e.last("boot") is Result.PASS),
]

GOOD: list[Expectation] = [
    *BOOTED,
    ("smoke passes", lambda e: e.last("smoke") is Result.PASS),
    ("the smoke job has tests", lambda e: len(e.tests()) > 1),
    ("no job is tried twice", lambda e: len(e.jobs()) == 2),
    ("no fault is found in the logs", lambda e: not _faults(e)),
    ("one mail reports the first results", lambda e: len(e.mails) == 1),
    ("no row at KCIDB says FAIL", lambda e: "FAIL" not in _row_statuses(e)),
    NO_REGRESSION,
    CLOSED,
    ROWS,
]

PANIC: list[Expectation] = [
    ("boot fails", lambda e: [job.result for job in e.jobs()] == [Result.FAIL]),
    ("the panic is found, with its headline and line", _panic_is_found),
    ("one regression names last good and first bad", _regression_names_both),
    ("one mail reports it, with an excerpt of the log", _mail_shows_panic),
    ("KCIDB got a FAIL", lambda e: "FAIL" in _row_statuses(e)),
    ("KCIDB got an issue", lambda e: bool(e.rows.get("issues"))),
    ("KCIDB got an incident", lambda e: bool(e.rows.get("incidents"))),
    CLOSED,
    ROWS,
]

BROKEN_LAB: list[Expectation] = [
    ("the lab is blamed, not the kernel", _first_boot_blames_the_lab),
]

REPAIRED_LAB: list[Expectation] = [
    *BROKEN_LAB,
    ("the retry passes", lambda e: e.last("boot") is Result.PASS),
    ("smoke passes", lambda e: e.last("smoke") is Result.PASS),
    ("no mail is sent", lambda e: not e.mails),
    ("no row at KCIDB says FAIL", lambda e: "FAIL" not in _row_statuses(e)),
    NO_REGRESSION,
    CLOSED,
    ROWS,
]

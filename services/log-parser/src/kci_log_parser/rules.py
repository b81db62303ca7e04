# SPDX-License-Identifier: LGPL-2.1-or-later
"""When a log corrects a job's result: a kernel fault outranks what the lab reported.

==========  ==============  =====================  ==========================
a job is    because of      and the log shows      it becomes
==========  ==============  =====================  ==========================
pass        (anything)      a fault                fail, Test
incomplete  Infrastructure  a fault, after a       fail, Test
                            kernel's banner
fail        (anything)      a boot loader, and     incomplete, Infrastructure
                            never a kernel
fail        (anything)      nothing at all, of a   incomplete, Infrastructure
                            job that boots
fail        (no message)    a boot loader that     fail, Test, and says so
                            started a kernel, and
                            nothing after it
==========  ==============  =====================  ==========================

Everything else stays. Warnings change no result. What fails before a kernel's banner is
the lab's fault. A build is judged by its exit status, and errors of a compiler in the
log of a job belong to a test that compiles something.
"""

from dataclasses import dataclass, field

from kci_log_parser.boot import Boot, Phase
from kci_log_parser.build import KINDS as BUILD_KINDS
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
from kci_shared.rules.verdicts import is_settled

SILENCES = {
    Phase.SILENT: "the board printed nothing",
    Phase.BOOTLOADER: "the boot loader started no kernel",
    Phase.HANDOVER: "the kernel printed nothing after the boot loader started it",
}


@dataclass(frozen=True)
class LogFacts:
    """What a log shows."""

    findings: list[Finding]
    warnings: list[Finding] = field(default_factory=list)
    """Warnings of a build."""
    banner: int | None = None
    """The line on which a kernel first printed its version."""
    boot: Boot = field(default_factory=Boot)
    """How far the board came."""
    error: str | None = None
    """Why the log could not be read, or not all of it."""


@dataclass(frozen=True)
class Correction:
    """How a job ended, by its log."""

    result: Result
    error_code: ErrorCode
    error_msg: str


def waits_for_log(node: Node) -> bool:
    """Return whether a node is done, but its log was not read yet."""
    return (
        isinstance(node, Kbuild | Job)
        and node.state is State.DONE
        and not is_settled(node)
    )


def may_lack_tests(node: Node) -> bool:
    """Return whether perhaps nobody reported the tests of a node.

    A bridge reports the tests that a definition names, whether they ran or not.
    """
    if not isinstance(node, Job):
        return False
    return not (node.data.definition or {}).get("tests")


def correction(node: Node, facts: LogFacts) -> Correction | None:
    """Return the result that a log demands; None if the node's own is right."""
    if not isinstance(node, Job) or (facts.error is not None and not facts.findings):
        return None
    faults = [
        finding
        for finding in facts.findings
        if finding.severity == Severity.FAULT and finding.kind not in BUILD_KINDS
    ]
    if node.result is Result.FAIL:
        return None if faults else _silence(node, facts.boot)
    error_code = node.data.error_code
    if node.result is Result.INCOMPLETE and error_code == ErrorCode.INFRASTRUCTURE:
        faults = [
            f for f in faults if facts.banner is not None and f.line > facts.banner
        ]
    elif node.result is not Result.PASS:
        return None
    if not faults:
        return None
    return Correction(Result.FAIL, ErrorCode.TEST, faults[0].headline)


def _silence(job: Job, boot: Boot) -> Correction | None:
    """Return the result of a failure in which no kernel printed anything."""
    if boot.boots:
        return None
    boots_one = bool(((job.data.definition or {}).get("artifacts") or {}).get("kernel"))
    if boot.phase is Phase.BOOTLOADER or (boot.phase is Phase.SILENT and boots_one):
        message = SILENCES[boot.phase]
        return Correction(Result.INCOMPLETE, ErrorCode.INFRASTRUCTURE, message)
    if boot.phase is Phase.HANDOVER and not job.data.error_msg:
        return Correction(Result.FAIL, ErrorCode.TEST, SILENCES[boot.phase])
    return None

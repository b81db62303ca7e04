# SPDX-License-Identifier: LGPL-2.1-or-later
"""When a log corrects a verdict: a kernel fault outranks what the lab thinks.

==========  ==============  =====================  ==========================
a job is    because of      and the log shows      it becomes
==========  ==============  =====================  ==========================
pass        (anything)      a fault                fail, Test
incomplete  Infrastructure  a fault, after a       fail, Test
                            kernel said its name
fail        (anything)      a boot loader, and     incomplete, Infrastructure
                            never a kernel
fail        (anything)      nothing at all, of a   incomplete, Infrastructure
                            job that boots
fail        (no message)    a boot loader that     fail, Test, and says so
                            started a kernel, and
                            silence
==========  ==============  =====================  ==========================

Everything else stays: warnings change no verdict, a lab's trouble before the first word
of a kernel says nothing of the kernel, and a build is judged by its exit code: what a
compiler says in a job's log is a test's trouble, too.
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
    Phase.SILENT: "the board said nothing",
    Phase.BOOTLOADER: "the boot loader started no kernel",
    Phase.HANDOVER: "the kernel said nothing after the boot loader had started it",
}


@dataclass(frozen=True)
class LogFacts:
    """What a log says."""

    findings: list[Finding]
    warnings: list[Finding] = field(default_factory=list)
    """What a build was warned of: no findings, which are about to be mended."""
    banner: int | None = None
    """The line on which a kernel first said its name."""
    boot: Boot = field(default_factory=Boot)
    """How far the board came."""
    error: str | None = None
    """Why the log could not be read, or not to its end."""


@dataclass(frozen=True)
class Verdict:
    """How a job really ended."""

    result: Result
    error_code: ErrorCode
    error_msg: str


def waits_for_log(node: Node) -> bool:
    """Say whether a node is done but for its log, which nobody has read yet."""
    return (
        isinstance(node, Kbuild | Job)
        and node.state is State.DONE
        and not is_settled(node)
    )


def may_lack_tests(node: Node) -> bool:
    """Say whether perhaps nobody reported the tests of a node, which its log may show.

    A bridge reports the tests that a definition names, whether they ran or not.
    """
    if not isinstance(node, Job):
        return False
    return not (node.data.definition or {}).get("tests")


def correction(node: Node, facts: LogFacts) -> Verdict | None:
    """Return the verdict that a log demands, or None when the node's own stands."""
    if not isinstance(node, Job) or (facts.error is not None and not facts.findings):
        return None
    faults = [
        found
        for found in facts.findings
        if found.severity == Severity.FAULT and found.kind not in BUILD_KINDS
    ]
    if node.result is Result.FAIL:
        return None if faults else _silence(node, facts.boot)
    because = node.data.error_code
    if node.result is Result.INCOMPLETE and because == ErrorCode.INFRASTRUCTURE:
        faults = [
            f for f in faults if facts.banner is not None and f.line > facts.banner
        ]
    elif node.result is not Result.PASS:
        return None
    if not faults:
        return None
    return Verdict(Result.FAIL, ErrorCode.TEST, faults[0].headline)


def _silence(job: Job, boot: Boot) -> Verdict | None:
    """Return the verdict of a failure in which no kernel said a word."""
    if boot.boots:
        return None
    boots_one = bool(((job.data.definition or {}).get("artifacts") or {}).get("kernel"))
    if boot.phase is Phase.BOOTLOADER or (boot.phase is Phase.SILENT and boots_one):
        said = SILENCES[boot.phase]
        return Verdict(Result.INCOMPLETE, ErrorCode.INFRASTRUCTURE, said)
    if boot.phase is Phase.HANDOVER and not job.data.error_msg:
        return Verdict(Result.FAIL, ErrorCode.TEST, SILENCES[boot.phase])
    return None

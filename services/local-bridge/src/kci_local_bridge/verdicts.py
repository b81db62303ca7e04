# SPDX-License-Identifier: LGPL-2.1-or-later
"""Outcomes of tests that did not run to their end; pure.

Before the kernel's banner every error is the lab's fault, a `LabError`. After it the
kernel is to blame if it dies or does not answer, a `KernelFault`.
"""

from kci_shared.lab.console import judge_results
from kci_shared.models import ErrorCode, Result, TestStep
from kci_shared.rules.results import ResultReader
from kci_shared.work import TestOutcome


class KernelFault(Exception):
    """The kernel, or the system that runs on it, is to blame."""


class PoweredOff(KernelFault):
    """The machine powered off by itself, without a panic."""


def failed(test: str, reason: str, results: ResultReader) -> list[TestOutcome]:
    """Return the outcome of a test that did not end, with its subtests so far."""
    _, *parts = judge_results(test, 1, results)
    return [TestOutcome((test,), Result.FAIL, reason, ErrorCode.TEST), *parts]


def not_run(steps: list[TestStep], reason: str) -> list[TestOutcome]:
    """Return the outcomes of tests that were not started: incomplete, not skipped."""
    return [TestOutcome((step.id,), Result.INCOMPLETE, reason) for step in steps]

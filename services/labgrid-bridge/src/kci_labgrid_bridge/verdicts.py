# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who is to blame for an error that the runner reported; pure.

The kernel is to blame if it panicked, and if its banner was seen but it then did not
reach a shell or answer in time. Everything else is the lab's fault.
"""

import re

from kci_labgrid_bridge.report import Line, Remains
from kci_shared.lab.console import BANNER, find_panic
from kci_shared.lab.faults import Fault, kernel_fault, lab_fault
from kci_shared.models import ErrorCode
from kci_shared.redaction import redacted


def blame(line: Line, console: str) -> Fault:
    """Return whose fault the error in a line of the report is."""
    if panic := find_panic(console):
        return kernel_fault(panic)
    message = redacted(line.error or "")
    if line.is_silence and re.search(BANNER, console):
        return kernel_fault(message)
    return lab_fault(message)


def runner_died(remains: Remains) -> Fault:
    """Return the fault of a runner that ended without a complete report."""
    message = f"the runner died: {redacted(remains.last_output)}"
    return lab_fault(message, ErrorCode.BUG)

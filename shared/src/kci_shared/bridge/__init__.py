# SPDX-License-Identifier: LGPL-2.1-or-later
"""What all bridges have in common: claim, run, report, recover; labs only differ."""

from kci_shared.bridge.definition import Definition, TestStep
from kci_shared.bridge.dialect import (
    BadJob,
    Dialect,
    LabError,
    LabJob,
    NoDevice,
    RunOutcome,
    TestOutcome,
)

__all__ = [
    "BadJob",
    "Definition",
    "Dialect",
    "LabError",
    "LabJob",
    "NoDevice",
    "RunOutcome",
    "TestOutcome",
    "TestStep",
]

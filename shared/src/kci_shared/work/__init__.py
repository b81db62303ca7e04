# SPDX-License-Identifier: LGPL-2.1-or-later
"""What all bridges have in common: claim, run, report, recover; labs only differ."""

from kci_shared.models import Definition, TestStep
from kci_shared.work.dialect import (
    BadJob,
    Dialect,
    LabError,
    LabJob,
    NoDevice,
    RemoteDialect,
    RunOutcome,
    TestOutcome,
)
from kci_shared.work.runner import Bridge
from kci_shared.work.settings import BridgeSettings

__all__ = [
    "BadJob",
    "Bridge",
    "BridgeSettings",
    "Definition",
    "Dialect",
    "LabError",
    "LabJob",
    "NoDevice",
    "RemoteDialect",
    "RunOutcome",
    "TestOutcome",
    "TestStep",
]

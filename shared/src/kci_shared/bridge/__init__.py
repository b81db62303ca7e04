# SPDX-License-Identifier: LGPL-2.1-or-later
"""What all bridges have in common: claim, run, report, recover; labs only differ."""

from kci_shared.bridge.dialect import (
    BadJob,
    Dialect,
    LabError,
    LabJob,
    NoDevice,
    RemoteDialect,
    RunOutcome,
    TestOutcome,
)
from kci_shared.bridge.runner import Bridge
from kci_shared.bridge.settings import BridgeSettings
from kci_shared.models import Definition, TestStep

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

# SPDX-License-Identifier: LGPL-2.1-or-later
"""What all bridges share: claim a job, run it, report it, recover after a crash."""

from kci_shared.work.bridge import Bridge
from kci_shared.work.dialect import Dialect
from kci_shared.work.errors import BadJob, CannotRun, NotConfigured
from kci_shared.work.outcome import LabJob, RunOutcome, TestOutcome
from kci_shared.work.settings import BridgeSettings

__all__ = [
    "BadJob",
    "Bridge",
    "BridgeSettings",
    "CannotRun",
    "Dialect",
    "LabJob",
    "NotConfigured",
    "RunOutcome",
    "TestOutcome",
]

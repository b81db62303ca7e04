# SPDX-License-Identifier: LGPL-2.1-or-later
"""What all labs that boot kernels share: consoles, lab files, checks, trial jobs."""

from kci_shared.lab.definition import read_definition
from kci_shared.lab.errors import LabError, NoDevice

__all__ = ["LabError", "NoDevice", "read_definition"]

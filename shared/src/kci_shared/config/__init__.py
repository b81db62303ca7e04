# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is to be built and run, as people wrote it down."""

from kci_shared.config.load import load, read
from kci_shared.config.models import (
    BUILD,
    Branch,
    Build,
    Built,
    Config,
    Lab,
    LabType,
    Need,
    Platform,
    Priority,
    Retry,
    Test,
    Tree,
)
from kci_shared.config.placement import Placement, placements, refusals
from kci_shared.config.problems import Place, Problem
from kci_shared.config.when import When

__all__ = [
    "BUILD",
    "Branch",
    "Build",
    "Built",
    "Config",
    "Lab",
    "LabType",
    "Need",
    "Place",
    "Placement",
    "Platform",
    "Priority",
    "Problem",
    "Retry",
    "Test",
    "Tree",
    "When",
    "load",
    "placements",
    "read",
    "refusals",
]

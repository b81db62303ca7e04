# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is to be built and run, as people wrote it down."""

from kci_shared.config.builds import BUILDER, Build, identity
from kci_shared.config.candidate import BUILD, Built, Candidate, Verdict
from kci_shared.config.entries import (
    Branch,
    Lab,
    LabType,
    Platform,
    Priority,
    Retry,
    Rootfs,
    Tree,
)
from kci_shared.config.load import load, read
from kci_shared.config.models import CHECKOUT, Config
from kci_shared.config.placement import (
    ANYWHERE,
    Placement,
    Places,
    fixed_verdicts,
    placements,
    verdicts,
)
from kci_shared.config.problems import Location, Problem
from kci_shared.config.tests import Need, Template, Test
from kci_shared.config.when import When

__all__ = [
    "ANYWHERE",
    "BUILD",
    "BUILDER",
    "CHECKOUT",
    "Branch",
    "Build",
    "Built",
    "Candidate",
    "Config",
    "Lab",
    "LabType",
    "Location",
    "Need",
    "Placement",
    "Places",
    "Platform",
    "Priority",
    "Problem",
    "Retry",
    "Rootfs",
    "Template",
    "Test",
    "Tree",
    "Verdict",
    "When",
    "fixed_verdicts",
    "identity",
    "load",
    "placements",
    "read",
    "verdicts",
]

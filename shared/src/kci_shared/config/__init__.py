# SPDX-License-Identifier: LGPL-2.1-or-later
"""The configuration: which trees, builds and tests there are, and where tests run."""

from kci_shared.config.builds import BUILDER, Build, identity
from kci_shared.config.candidate import BUILD, Built, Candidate, Ruling
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
    Placements,
    fixed_rulings,
    placements,
    rulings,
)
from kci_shared.config.tests import Need, Template, Test
from kci_shared.config.when import When
from kci_shared.problems import Location, Problem

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
    "Placements",
    "Platform",
    "Priority",
    "Problem",
    "Retry",
    "Rootfs",
    "Ruling",
    "Template",
    "Test",
    "Tree",
    "When",
    "fixed_rulings",
    "identity",
    "load",
    "placements",
    "read",
    "rulings",
]

# SPDX-License-Identifier: LGPL-2.1-or-later
"""The models of the system: nodes, results, claims, events."""

from kci_shared.models.claim_bodies import (
    Adoption,
    ClaimedNode,
    Outcome,
    Release,
    Renewal,
    Report,
)
from kci_shared.models.claims import Claim, ClaimRequest, Grant
from kci_shared.models.data import Revision, Version
from kci_shared.models.definition import BuildDefinition, Definition, TestStep
from kci_shared.models.events import CHANNEL, Event, NodeChange
from kci_shared.models.findings import Finding
from kci_shared.models.imports import Fate, Imported, ImportedNode
from kci_shared.models.nodes import (
    NODE,
    Checkout,
    Job,
    Kbuild,
    NewNode,
    Node,
    NodePatch,
    Process,
    Regression,
    ResultTree,
    Test,
)
from kci_shared.models.regressions import (
    MOVES,
    Move,
    Resolution,
    Status,
    StatusChange,
)
from kci_shared.models.runtimes import RuntimeReport
from kci_shared.models.words import (
    ErrorCode,
    Kind,
    Op,
    Progress,
    Result,
    Severity,
    State,
    may_become,
)

__all__ = [
    "CHANNEL",
    "MOVES",
    "NODE",
    "Adoption",
    "BuildDefinition",
    "Checkout",
    "Claim",
    "ClaimRequest",
    "ClaimedNode",
    "Definition",
    "ErrorCode",
    "Event",
    "Fate",
    "Finding",
    "Grant",
    "Imported",
    "ImportedNode",
    "Job",
    "Kbuild",
    "Kind",
    "Move",
    "NewNode",
    "Node",
    "NodeChange",
    "NodePatch",
    "Op",
    "Outcome",
    "Process",
    "Progress",
    "Regression",
    "Release",
    "Renewal",
    "Report",
    "Resolution",
    "Result",
    "ResultTree",
    "Revision",
    "RuntimeReport",
    "Severity",
    "State",
    "Status",
    "StatusChange",
    "Test",
    "TestStep",
    "Version",
    "may_become",
]

# SPDX-License-Identifier: LGPL-2.1-or-later
"""The KCIDB bridge's sweep: final nodes without a mark that they were submitted."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

from kci_kcidb_bridge.verdicts import is_final
from kci_shared.events.unmarked import recent
from kci_shared.models import Kind, Node, State, Status
from kci_shared.nodes import Nodes
from kci_shared.rules.artifacts import KCIDB, KCIDB_FIXED

OF_A_REVISION = {
    f"artifacts.{KCIDB}": "null",
    "data.kernel_revision.commit__ne": "null",
}
VALID = {"data.status__ne": Status.WITHDRAWN.value}
FIXED = {"data.fixed_node__ne": "null", f"artifacts.{KCIDB_FIXED}": "null", **VALID}
QUERIES: tuple[tuple[Kind, State, dict[str, str]], ...] = (
    (Kind.CHECKOUT, State.AVAILABLE, OF_A_REVISION),
    (Kind.CHECKOUT, State.DONE, OF_A_REVISION),
    (Kind.KBUILD, State.DONE, OF_A_REVISION),
    (Kind.JOB, State.DONE, OF_A_REVISION),
    (Kind.REGRESSION, State.DONE, {**OF_A_REVISION, **VALID}),
    (Kind.REGRESSION, State.DONE, FIXED),
)
"""Tests are submitted with their jobs."""


async def unsubmitted(api: Nodes) -> AsyncIterator[Node]:
    """Yield checkouts, builds, jobs and regressions that were not submitted."""
    for kind, state, mark in QUERIES:
        async for node in recent(api, datetime.now(UTC), kind, state, **mark):
            if is_final(node):
                yield node

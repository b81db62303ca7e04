# SPDX-License-Identifier: LGPL-2.1-or-later
"""Builds a KCIDB report: a node's rows after those they refer to; pure."""

import hashlib
import json
from collections.abc import Sequence
from typing import Any, TypeVar

from kci_kcidb_bridge.issues import finding_rows
from kci_kcidb_bridge.row_models import (
    BuildRow,
    CheckoutRow,
    IncidentRow,
    IssueRow,
    Row,
    TestRow,
)
from kci_kcidb_bridge.translate import (
    build_row,
    checkout_row,
    placeholder_build_row,
    test_row,
)
from kci_shared.models import Checkout, Job, Kbuild, Node, Test

SCHEMA_VERSION = {"major": 5, "minor": 3}
LISTS = [row.LIST for row in (CheckoutRow, BuildRow, TestRow, IssueRow, IncidentRow)]

N = TypeVar("N", bound=Node)

Lineage = Sequence[Node]
"""A node, then its ancestors up to the root."""


def nearest(kind: type[N], lineage: Lineage) -> N | None:
    """Return the first node of a kind, from the node towards the root."""
    return next((node for node in lineage if isinstance(node, kind)), None)


def rows_of(origin: str, lineage: Lineage, tests: Sequence[Test]) -> list[Row]:
    """Return the rows of a node and of its tests; none if it has no checkout."""
    node, checkout = lineage[0], nearest(Checkout, lineage)
    if checkout is None:
        return []
    rows: list[Row] = [checkout_row(origin, checkout)]
    if isinstance(node, Kbuild):
        rows.append(build_row(origin, checkout, node))
    if isinstance(node, Job | Test):
        rows += _test_rows(origin, checkout, lineage, [node, *tests])
    for part in (node, *tests):
        rows += finding_rows(origin, part)
    return rows


def _test_rows(
    origin: str, checkout: Checkout, lineage: Lineage, nodes: Sequence[Job | Test]
) -> list[BuildRow | TestRow]:
    """Return the rows of a job or test with its tests, after that of its build."""
    kbuild = nearest(Kbuild, lineage)
    build = (
        placeholder_build_row(origin, checkout, nodes[0].data.arch)
        if kbuild is None
        else build_row(origin, checkout, kbuild)
    )
    run = next(node for node in lineage if not isinstance(node, Test))
    return [build, *(test_row(origin, build, run, node) for node in nodes)]


def serialize(rows: Sequence[Row]) -> bytes:
    """Return the report that holds these rows; the same bytes for the same rows."""
    report: dict[str, Any] = {"version": SCHEMA_VERSION}
    for name in LISTS:
        unique = {row.id: row for row in rows if name == row.LIST}
        if unique:
            report[name] = [
                row.model_dump(mode="json", exclude_none=True)
                for row in unique.values()
            ]
    return json.dumps(report, ensure_ascii=False, separators=(",", ":")).encode()


def digest(rows: Sequence[Row]) -> str:
    """Return a short hash of rows."""
    return hashlib.sha256(serialize(rows)).hexdigest()[:16]

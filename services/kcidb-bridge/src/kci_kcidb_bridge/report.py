# SPDX-License-Identifier: LGPL-2.1-or-later
"""The rows of a node with those of all that it hangs on, parents first; pure."""

from collections.abc import Sequence
from typing import TypeVar

from kci_kcidb_bridge.issues import finding_rows
from kci_kcidb_bridge.rows import Row
from kci_kcidb_bridge.translate import build_row, checkout_row, no_build_row, test_row
from kci_shared.models import Checkout, Job, Kbuild, Node, Test

N = TypeVar("N", bound=Node)

Line = Sequence[Node]
"""A node, its parent, that one's parent, and so on up to the root."""


def nearest(kind: type[N], line: Line) -> N | None:
    """Return the first node of a kind on the way up."""
    return next((node for node in line if isinstance(node, kind)), None)


def rows_of(origin: str, line: Line, tests: Sequence[Test]) -> list[Row]:
    """Return the rows of a node and of its tests; none when there is no checkout."""
    node, checkout = line[0], nearest(Checkout, line)
    if checkout is None:
        return []
    rows: list[Row] = [checkout_row(origin, checkout)]
    if isinstance(node, Kbuild):
        rows.append(build_row(origin, checkout, node))
    if isinstance(node, Job | Test):
        kbuild = nearest(Kbuild, line)
        build = (
            no_build_row(origin, checkout, node.data.arch)
            if kbuild is None
            else build_row(origin, checkout, kbuild)
        )
        run = next(part for part in line if not isinstance(part, Test))
        rows.append(build)
        rows += [test_row(origin, build, run, part) for part in (node, *tests)]
    for part in (node, *tests):
        rows += finding_rows(origin, part)
    return rows

# SPDX-License-Identifier: LGPL-2.1-or-later
"""Handles node events: submits each final node to KCIDB, with the rows it refers to."""

from collections.abc import Sequence
from typing import Protocol

from kci_kcidb_bridge.issues import regression_rows
from kci_kcidb_bridge.report import digest, nearest, rows_of
from kci_kcidb_bridge.row_models import Row
from kci_kcidb_bridge.submit import KcidbRefused
from kci_kcidb_bridge.verdicts import is_final
from kci_shared.errors import NotYet
from kci_shared.models import (
    Event,
    Job,
    Kind,
    Node,
    Process,
    Regression,
    State,
    Status,
    Test,
)
from kci_shared.nodes import Nodes
from kci_shared.rules.artifacts import KCIDB, KCIDB_FIXED

PARENTS_PER_QUERY = 100
"""How many parents' children one query asks for."""


class Kcidb(Protocol):
    """Takes rows for KCIDB."""

    async def submit(self, rows: Sequence[Row]) -> str:
        """Submit rows, parents before children; return where their fate is shown."""
        ...


class KcidbBridge:
    """Submits final nodes to KCIDB, each together with its ancestors."""

    def __init__(self, nodes: Nodes, kcidb: Kcidb, origin: str) -> None:
        self._nodes = nodes
        self._kcidb = kcidb
        self._origin = origin

    async def on_event(self, event: Event) -> None:
        """Submit a node once it is final; a job with all its tests."""
        node = await self._nodes.get(event.node_id)
        if node is None or not is_final(node):
            return
        if rows := await self._rows(node):
            await self._submit(node, rows, KCIDB)
        if isinstance(node, Regression) and (rows := await self._fixed_rows(node)):
            # a submission of its own, because it belongs to another revision
            await self._submit(node, rows, KCIDB_FIXED)

    async def _submit(self, node: Node, rows: Sequence[Row], artifact: str) -> None:
        """Submit rows, unless the node says that these were; then let it say so.

        Rows that are refused for good are not submitted again, either.
        """
        mark = f"#{digest(rows)}"
        if node.artifacts.get(artifact, "").endswith(mark):
            return
        try:
            url = await self._kcidb.submit(rows)
        except KcidbRefused as refused:
            await self._mark(node, artifact, f"{refused.url}{mark}")
            raise
        await self._mark(node, artifact, f"{url}{mark}")

    async def _mark(self, node: Node, artifact: str, url: str) -> None:
        if not isinstance(node, Test):  # its rows are those of its job
            await self._nodes.update(node.id, artifacts={artifact: url})

    async def _rows(self, node: Node) -> list[Row]:
        match node:
            case Process():  # a mail, for example: not a result of the kernel
                return []
            case Regression():
                return await self._regression_rows(node)
            case Job():
                tests = await self._tests_below(node)
                return rows_of(self._origin, await self._lineage(node), tests)
            case Test():
                return await self._test_rows(node)
            case _:
                return rows_of(self._origin, await self._lineage(node), [])

    async def _test_rows(self, test: Test) -> list[Row]:
        """Return the rows of a test, unless the event of its job submits it."""
        lineage = await self._lineage(test)
        job = nearest(Job, lineage)
        if job is None:
            return rows_of(self._origin, lineage, [])
        if test.created <= job.updated or not is_final(job):
            return []
        return await self._rows(job)

    async def _regression_rows(self, regression: Regression) -> list[Row]:
        """Return the rows that link the first failed run to the regression's issue."""
        if regression.data.status is Status.WITHDRAWN:
            return []
        failed = await self._nodes.get(regression.data.fail_node)
        if failed is None:
            return []
        if not is_final(failed):
            raise NotYet(f"failed node {failed.id} is not final; submitted later")
        return await self._link(regression, failed, failed)

    async def _fixed_rows(self, regression: Regression) -> list[Row]:
        """Return the rows that say that the first passing run lacks the issue."""
        if regression.data.status is Status.WITHDRAWN or not regression.data.fixed_node:
            return []
        failed = await self._nodes.get(regression.data.fail_node)
        fixed = await self._nodes.get(regression.data.fixed_node)
        if failed is None or fixed is None or not is_final(fixed):
            return []
        return await self._link(regression, failed, fixed)

    async def _link(self, regression: Regression, failed: Node, run: Node) -> list[Row]:
        """Return the rows of `run`, and those that link it to the regression."""
        rows = rows_of(self._origin, await self._lineage(run), [])
        if not rows:
            return []
        return [*rows, *regression_rows(self._origin, regression, failed, run)]

    async def _lineage(self, node: Node) -> list[Node]:
        """Return a node and its ancestors."""
        lineage = [node]
        while (parent_id := lineage[-1].parent) is not None:
            parent = await self._nodes.get(parent_id)
            if parent is None:
                break
            lineage.append(parent)
        return lineage

    async def _tests_below(self, job: Job) -> list[Test]:
        """Return the finished tests of a job at any depth, not those of other jobs."""
        tests: list[Test] = []
        parents: list[str] = [job.id]
        while parents:
            batch, parents = parents[:PARENTS_PER_QUERY], parents[PARENTS_PER_QUERY:]
            children = await self._nodes.find(
                kind=Kind.TEST.value, parent__in=",".join(batch)
            )
            parents += [test.id for test in children]
            tests += [test for test in children if isinstance(test, Test)]
        return [test for test in tests if test.state is State.DONE]

# SPDX-License-Identifier: LGPL-2.1-or-later
"""What each event brings to KCIDB."""

from collections.abc import Sequence
from typing import Any, Protocol

from kci_kcidb_bridge.issues import regression_rows
from kci_kcidb_bridge.report import nearest, rows_of
from kci_kcidb_bridge.rows import Row
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

FAMILIES = 100
"""How many parents' children are asked for at once."""


class Nodes(Protocol):
    """The nodes, as far as this service reads them."""

    async def get(self, node_id: str) -> Node | None:
        """Return a node, None when there is none."""
        ...

    async def find(self, **filters: Any) -> list[Node]:
        """Return all nodes that match."""
        ...


class Kcidb(Protocol):
    """Who takes the rows."""

    async def submit(self, rows: Sequence[Row]) -> None:
        """Submit rows, parents before children."""
        ...


class KcidbBridge:
    """Submits what is final, with all that it hangs on."""

    def __init__(self, nodes: Nodes, kcidb: Kcidb, origin: str) -> None:
        self._nodes = nodes
        self._kcidb = kcidb
        self._origin = origin

    async def on_event(self, event: Event) -> None:
        """Submit a node that is final; a job with all its tests."""
        node = await self._nodes.get(event.node_id)
        if node is None or not is_final(node):
            return
        if rows := await self._rows(node):
            await self._kcidb.submit(rows)
        if isinstance(node, Regression) and (end := await self._end(node)):
            await self._kcidb.submit(end)  # by itself: it is of another revision

    async def _rows(self, node: Node) -> list[Row]:
        if isinstance(node, Process):  # a mail, for one: no result of the kernel's
            return []
        if isinstance(node, Regression):
            return await self._regression(node)
        if isinstance(node, Job):
            tests = await self._tests_below(node)
            return rows_of(self._origin, await self._line(node), tests)
        if isinstance(node, Test):
            return await self._test(node)
        return rows_of(self._origin, await self._line(node), [])

    async def _test(self, test: Test) -> list[Row]:
        """Return the rows of a test that no event of a job brings."""
        line = await self._line(test)
        job = nearest(Job, line)
        if job is None:
            return rows_of(self._origin, line, [])
        if test.created <= job.updated or not is_final(job):
            return []
        return await self._rows(job)

    async def _regression(self, regression: Regression) -> list[Row]:
        if regression.data.status is Status.WITHDRAWN:
            return []
        failed = await self._nodes.get(regression.data.fail_node)
        if failed is None:
            return []
        if not is_final(failed):
            raise NotYet("what regressed is not final")
        known = rows_of(self._origin, await self._line(failed), [])
        if not known:
            return []
        return [*known, *regression_rows(self._origin, regression, failed, failed)]

    async def _end(self, regression: Regression) -> list[Row]:
        """Say on what passed again that a regression is over."""
        if regression.data.status is Status.WITHDRAWN or not regression.data.fixed_node:
            return []
        failed = await self._nodes.get(regression.data.fail_node)
        fixed = await self._nodes.get(regression.data.fixed_node)
        if failed is None or fixed is None or not is_final(fixed):
            return []
        known = rows_of(self._origin, await self._line(fixed), [])
        if not known:
            return []
        return [*known, *regression_rows(self._origin, regression, failed, fixed)]

    async def _line(self, node: Node) -> list[Node]:
        """Return a node and its ancestors."""
        line = [node]
        while (parent_id := line[-1].parent) is not None:
            parent = await self._nodes.get(parent_id)
            if parent is None:
                break
            line.append(parent)
        return line

    async def _tests_below(self, job: Job) -> list[Test]:
        """Return the tests of a job, of all depths; other jobs' are not below it."""
        tests: list[Test] = []
        parents: list[str] = [job.id]
        while parents:
            some, parents = parents[:FAMILIES], parents[FAMILIES:]
            found = await self._nodes.find(
                kind=Kind.TEST.value, parent__in=",".join(some)
            )
            parents += [test.id for test in found]
            tests += [test for test in found if isinstance(test, Test)]
        return [test for test in tests if test.state is State.DONE]

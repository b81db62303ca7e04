# SPDX-License-Identifier: LGPL-2.1-or-later
"""Read the history of a test from the API: its runs, their jobs, its regressions."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from kci_regression_tracker.breaks import look_back
from kci_regression_tracker.reconcile import History
from kci_regression_tracker.series import (
    VERDICTS,
    Above,
    RunNode,
    Series,
    is_run,
    sample_of,
)
from kci_shared.models import Kind, Node, Regression, Result, State, Test
from kci_shared.nodes import Nodes
from kci_shared.rules.verdicts import on_kernel

MOST_RUNS = 1000
"""How many runs of one name on one platform are read, newest first."""
IDS_PER_QUERY = 100
"""How many ids fit into a URL."""
MOST_CACHED = 100_000
"""How many checkouts, and jobs, are cached; they no longer change."""


class Archive:
    """Reads the history of a test, in few queries."""

    def __init__(self, api: Nodes) -> None:
        self._api = api
        self._began: dict[str, datetime] = {}
        self._above: dict[str, Above] = {}
        """By the id of a test's parent."""

    async def ever_failed(self, series: Series) -> bool:
        """Say whether any run of this name failed on this platform."""
        failed = {**series.query(series.kind), "result": Result.FAIL.value}
        return bool(await self._api.find(**failed, limit=1))

    async def regressions(self, series: Series) -> list[Regression]:
        """Return the regressions of a series."""
        query = series.query(Kind.REGRESSION)
        found = await self._api.find(**query, sort="-created", limit=MOST_RUNS)
        return [node for node in found if series.broke(node)]

    async def history(self, series: Series) -> History:
        """Return the history of a series: the runs that count."""
        query = {**series.query(series.kind), "result__in": ",".join(VERDICTS)}
        page = await self._api.find(**query, sort="-created", limit=MOST_RUNS)
        runs = [node for node in page if series.has(node)]
        above = await self.above(runs)
        began = await self._checkouts(node.treeid or "" for node in runs)
        explained = await self._with_failing_parts(runs)
        nodes = {
            node.id: (node, above[node.id])
            for node in runs
            if node.id in above
            and above[node.id].is_settled
            and on_kernel([node.result, above[node.id].result]) is not None
            and node.treeid in began
            and node.id not in explained
        }
        past = look_back(
            sample_of(node, over, began[node.treeid or ""])
            for node, over in nodes.values()
        )
        return History(series, past, nodes, is_whole=len(page) < MOST_RUNS)

    async def failed_below(self, node: Node) -> list[RunNode]:
        """Return the failed tests below a node; a nested one fails its parent, too."""
        failed: list[RunNode] = []
        parents = [node.id]
        while parents:
            tests = await self._failed_parts(parents)
            failed += filter(is_run, tests)
            parents = [test.id for test in tests]
        return failed

    async def above(self, runs: Sequence[RunNode]) -> dict[str, Above]:
        """Return the job above each test; other nodes stand for themselves."""
        tests = [node for node in runs if isinstance(node, Test) and node.parent]
        await self._climb({test.parent or "" for test in tests})
        found = {node.id: Above.of(node) for node in runs}
        for test in tests:
            found.pop(test.id)
            if over := self._above.get(test.parent or ""):
                found[test.id] = over
        return found

    async def _climb(self, parents: Iterable[str]) -> None:
        """Find the job above each of these nodes, through nested tests."""
        if len(self._above) >= MOST_CACHED:
            self._above.clear()
        ways = {parent: [parent] for parent in parents if not self._knows(parent)}
        while ways:
            found = await self._by("id", ways)
            further: dict[str, list[str]] = {}
            for node in found:
                way = ways[node.id]
                if isinstance(node, Test) and node.parent:
                    further.setdefault(node.parent, []).extend([*way, node.parent])
                    continue
                self._above |= dict.fromkeys(way, Above.of(node))
            ways = further

    def _knows(self, parent: str) -> bool:
        above = self._above.get(parent)
        return above is not None and above.is_settled

    async def _checkouts(self, trees: Iterable[str]) -> dict[str, datetime]:
        """Return when the checkouts of these trees were created."""
        ids = set(trees)
        if len(self._began) >= MOST_CACHED:
            self._began.clear()
        unknown = ids - self._began.keys()
        for node in await self._by("treeid", unknown, kind=Kind.CHECKOUT.value):
            earliest = self._began.get(node.treeid or "", node.created)
            self._began[node.treeid or ""] = min(earliest, node.created)
        return {tree: self._began[tree] for tree in ids & self._began.keys()}

    async def _with_failing_parts(self, runs: Iterable[RunNode]) -> set[str | None]:
        """Return the runs that fail because tests below them fail."""
        failed = [node.id for node in runs if node.result is Result.FAIL]
        return {node.parent for node in await self._failed_parts(failed)}

    async def _failed_parts(self, parents: Iterable[str]) -> list[Node]:
        failed = {"state": State.DONE.value, "result": Result.FAIL.value}
        return await self._by("parent", parents, kind=Kind.TEST.value, **failed)

    async def _by(
        self, field: str, values: Iterable[str], **filters: str
    ) -> list[Node]:
        ids = sorted(values)
        return [
            node
            for start in range(0, len(ids), IDS_PER_QUERY)
            for node in await self._api.find(
                **{f"{field}__in": ",".join(ids[start : start + IDS_PER_QUERY])},
                **filters,
            )
        ]

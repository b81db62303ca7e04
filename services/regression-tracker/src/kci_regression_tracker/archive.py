# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the API knows of a test: its runs, what they ran in, and its regressions."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from kci_regression_tracker.history import look_back
from kci_regression_tracker.reconcile import History
from kci_regression_tracker.rules import (
    VERDICTS,
    Above,
    Ran,
    Series,
    as_run,
)
from kci_shared.models import Kind, Node, Regression, Result, State, Test
from kci_shared.nodes import Nodes

PAGE = 1000
"""How many verdicts of one name on one platform are looked at, the newest ones."""
BATCH = 100
"""How many ids one query asks for: an address has to fit in a request."""
REMEMBERED = 100_000
"""How many checkouts, and jobs, are kept in memory: they don't change any more."""


class Archive:
    """Reads the history of a test, in few queries."""

    def __init__(self, api: Nodes) -> None:
        self._api = api
        self._began: dict[str, datetime] = {}
        self._above: dict[str, Above] = {}
        """By the id of what is right above a test."""

    async def ever_failed(self, series: Series) -> bool:
        """Say whether anything of this name failed on this platform."""
        failed = {**series.query(series.kind), "result": Result.FAIL.value}
        return bool(await self._api.find(**failed, limit=1))

    async def regressions(self, series: Series) -> list[Regression]:
        """Return the regressions of a series."""
        query = series.query(Kind.REGRESSION)
        found = await self._api.find(**query, sort="-created", limit=PAGE)
        return [node for node in found if series.broke(node)]

    async def history(self, series: Series) -> History:
        """Return what is known of a series: the verdicts that count."""
        query = {**series.query(series.kind), "result__in": ",".join(VERDICTS)}
        page = await self._api.find(**query, sort="-created", limit=PAGE)
        runs = [node for node in page if series.has(node)]
        above = await self.above(runs)
        began = await self._checkouts(node.treeid or "" for node in runs)
        blamed = await self._with_failing_parts(runs)
        nodes = {
            node.id: (node, above[node.id])
            for node in runs
            if node.id in above
            and above[node.id].is_settled
            and above[node.id].result is not Result.INCOMPLETE
            and node.treeid in began
            and node.id not in blamed
        }
        past = look_back(
            as_run(node, over, began[node.treeid or ""])
            for node, over in nodes.values()
        )
        return History(series, past, nodes, is_whole=len(page) < PAGE)

    async def above(self, runs: Sequence[Ran]) -> dict[str, Above]:
        """Return the job of each test; what is no test stands for itself."""
        tests = [node for node in runs if isinstance(node, Test) and node.parent]
        await self._climb({test.parent or "" for test in tests})
        found = {node.id: Above.of(node) for node in runs}
        for test in tests:
            found.pop(test.id)
            if over := self._above.get(test.parent or ""):
                found[test.id] = over
        return found

    async def _climb(self, parents: Iterable[str]) -> None:
        """Learn the jobs of these nodes: of a test its parent's, and so on."""
        if len(self._above) >= REMEMBERED:
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
        known = self._above.get(parent)
        return known is not None and known.is_settled

    async def _checkouts(self, trees: Iterable[str]) -> dict[str, datetime]:
        """Return when the revisions began, as far as they have a checkout."""
        wanted = set(trees)
        if len(self._began) >= REMEMBERED:
            self._began.clear()
        unknown = wanted - self._began.keys()
        for node in await self._by("treeid", unknown, kind=Kind.CHECKOUT.value):
            known = self._began.get(node.treeid or "", node.created)
            self._began[node.treeid or ""] = min(known, node.created)
        return {tree: self._began[tree] for tree in wanted & self._began.keys()}

    async def _with_failing_parts(self, runs: Iterable[Ran]) -> set[str | None]:
        """Return those that fail because tests below them do: these are the news."""
        failed = [node.id for node in runs if node.result is Result.FAIL]
        broken = {"kind": Kind.TEST.value, "result": Result.FAIL.value}
        below = await self._by("parent", failed, state=State.DONE.value, **broken)
        return {node.parent for node in below}

    async def _by(
        self, field: str, values: Iterable[str], **filters: str
    ) -> list[Node]:
        asked = sorted(values)
        return [
            node
            for start in range(0, len(asked), BATCH)
            for node in await self._api.find(
                **{f"{field}__in": ",".join(asked[start : start + BATCH])}, **filters
            )
        ]

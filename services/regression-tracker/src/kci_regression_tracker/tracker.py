# SPDX-License-Identifier: LGPL-2.1-or-later
"""After each result of a test, bring its regressions in line with its history."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

from kci_regression_tracker.past_results import Archive
from kci_regression_tracker.reconcile import Change, failures, plan
from kci_regression_tracker.series import VERDICTS, RunNode, Series, is_run
from kci_shared.errors import Conflict, NotYet
from kci_shared.events.unmarked import recent
from kci_shared.logging import get_logger
from kci_shared.models import (
    Event,
    Job,
    Kbuild,
    Kind,
    NewNode,
    Node,
    Result,
    State,
    Test,
)
from kci_shared.nodes import Nodes
from kci_shared.rules.verdicts import is_settled

log = get_logger(__name__)

KINDS = (Kind.KBUILD, Kind.JOB, Kind.TEST)
NO_REGRESSION = "none"
"""Marks what was judged, and is part of no regression."""
UNJUDGED = {
    "result": Result.FAIL.value,
    "data.regression": "null",
    "data.kernel_revision.patchset": "null",
}
WRITE_ATTEMPTS = 20
"""How often to start again when a replica was faster."""


class RegressionTracker:
    """Keeps one regression for each break of a test."""

    def __init__(self, api: Nodes) -> None:
        self._api = api
        self._archive = Archive(api)

    async def on_event(self, event: Event) -> None:
        """Examine a test when one of its runs gets a result, or a new one."""
        if event.data.state is not State.DONE or event.data.kind not in KINDS:
            return
        node = await self._api.get(event.node_id)
        if not is_run(node):
            return
        before = event.data.previous_result
        if not {node.result, before}.intersection(VERDICTS):
            return
        always_passed = node.result is Result.PASS and before in (None, node.result)
        if always_passed and not await self._archive.ever_failed(Series.of(node)):
            return  # the usual case
        await self._examine(node)

    async def _examine(self, node: RunNode) -> None:
        above = await self._archive.above([node])
        if node.id in above and not above[node.id].is_settled:
            raise NotYet(f"the log of {node.kind} {node.id} was not read yet")
        await self._settle(Series.of(node))
        if isinstance(node, Test) and node.result is Result.FAIL and node.parent:
            whole = await self._api.get(node.parent)
            if is_run(whole) and whole.result is Result.FAIL:
                await self._settle(Series.of(whole))  # it fails because this part does
        if isinstance(node, Kbuild | Job) and is_unjudged(node):
            await self._judge_all(node)

    async def _judge_all(self, node: Kbuild | Job) -> None:
        """Examine the failed tests of a failed run, too, and mark it as judged."""
        failed = await self._archive.failed_below(node)
        for series in {Series.of(test) for test in failed}:
            await self._settle(series)
        existing = await self._archive.regressions(Series.of(node))
        ids = (one.id for one in existing if node.id in failures(one))
        mark = next(ids, NO_REGRESSION)
        await self._api.update(node.id, data={"regression": mark})

    async def unjudged(self) -> AsyncIterator[Node]:
        """Yield the builds and jobs that failed, and that were not judged."""
        for kind in (Kind.KBUILD, Kind.JOB):
            now = datetime.now(UTC)
            async for node in recent(self._api, now, kind, State.DONE, **UNJUDGED):
                if is_run(node) and is_settled(node):
                    yield node

    async def _settle(self, series: Series) -> None:
        """Write the planned changes; start again if another replica was faster.

        Regressions are read before runs: a replica that has written one since makes
        our write fail, and one that wrote earlier has seen no more runs than we have.
        """
        for _ in range(WRITE_ATTEMPTS):
            existing = await self._archive.regressions(series)
            history = await self._archive.history(series)
            try:
                for change in plan(history, existing, datetime.now(UTC)):
                    await self._write(change)
            except Conflict:
                continue
            return
        raise NotYet(f"other replicas keep changing the regressions of {series.name}")

    async def _write(self, change: NewNode | Change) -> None:
        if isinstance(change, NewNode):
            created = await self._api.create(change)
            log.info("regression found", regression=created.id, name=created.name)
            return
        node = change.node
        await self._api.update(
            node.id,
            if_version=node.version,
            result=change.result.value,
            data=change.data,
        )
        status = change.data.get("status", node.data.status)
        log.info("regression updated", regression=node.id, status=status)


def is_unjudged(node: Kbuild | Job) -> bool:
    """Return whether a run failed, and it was not marked as judged."""
    return node.result is Result.FAIL and node.data.regression is None

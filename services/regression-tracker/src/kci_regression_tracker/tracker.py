# SPDX-License-Identifier: LGPL-2.1-or-later
"""The service: after each verdict, make a test's regressions what its history says."""

from datetime import UTC, datetime

from kci_regression_tracker.archive import Archive
from kci_regression_tracker.reconcile import Change, plan
from kci_regression_tracker.rules import VERDICTS, Ran, Series, is_run
from kci_shared.errors import Conflict, NotYet
from kci_shared.logging import get_logger
from kci_shared.models import Event, Kind, NewNode, Result, State, Test
from kci_shared.nodes import Nodes

log = get_logger(__name__)

KINDS = (Kind.KBUILD, Kind.JOB, Kind.TEST)
ATTEMPTS = 20
"""How often it is judged again because a replica was faster."""


class RegressionTracker:
    """Keeps one regression for each break of a test, whatever arrives when."""

    def __init__(self, api: Nodes) -> None:
        self._api = api
        self._archive = Archive(api)

    async def on_event(self, event: Event) -> None:
        """Judge a test anew when one of its runs has a verdict, or had one."""
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
            return  # as most tests do
        await self._judge(node)

    async def _judge(self, node: Ran) -> None:
        above = await self._archive.above([node])
        if node.id in above and not above[node.id].is_settled:
            raise NotYet(f"{node.kind} {node.id}: its log was not read yet")
        await self._settle(Series.of(node))
        if isinstance(node, Test) and node.result is Result.FAIL and node.parent:
            whole = await self._api.get(node.parent)
            if is_run(whole) and whole.result is Result.FAIL:
                await self._settle(Series.of(whole))  # it fails because of its part

    async def _settle(self, series: Series) -> None:
        """Write what is missing, until nothing is.

        The regressions are read before the runs. Whoever has written one since then
        makes our write fail; whoever wrote before has seen no more than we do.
        """
        for _ in range(ATTEMPTS):
            known = await self._archive.regressions(series)
            history = await self._archive.history(series)
            try:
                for wanted in plan(history, known, datetime.now(UTC)):
                    await self._write(wanted)
            except Conflict:
                continue
            return
        raise NotYet(f"others write the regressions of {series.name} all the time")

    async def _write(self, wanted: NewNode | Change) -> None:
        if isinstance(wanted, NewNode):
            found = await self._api.create(wanted)
            log.info("regression found", regression=found.id, name=found.name)
            return
        node = wanted.node
        await self._api.update(
            node.id,
            if_version=node.version,
            result=wanted.result.value,
            data=wanted.data,
        )
        status = wanted.data.get("status", node.data.status)
        log.info("regression updated", regression=node.id, status=status)

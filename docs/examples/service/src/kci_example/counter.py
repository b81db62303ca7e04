# SPDX-License-Identifier: LGPL-2.1-or-later
"""Count the tests of each job that is done, and note the counts on the job."""

from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

from kci_shared.logging import get_logger
from kci_shared.models import Event, Job, Kind, Node, State
from kci_shared.nodes import Nodes

log = get_logger(__name__)

SWEPT = timedelta(days=7)
"""How old a job may be for the sweep to count it."""


class TestCounter:
    """Writes `data.misc` on each job: how many tests ended with which result."""

    __test__ = False  # pytest must not collect it

    def __init__(self, api: Nodes) -> None:
        self._api = api

    async def on_event(self, event: Event) -> None:
        """Count the tests of a job that has just become done.

        It may be called twice for one event: the second call changes nothing.
        """
        if event.data.kind is not Kind.JOB or not event.became(State.DONE):
            return
        tests = await self._api.find(parent=event.node_id, kind=Kind.TEST)
        counts = Counter(str(test.result) for test in tests)
        await self._api.update(event.node_id, data={"misc": {"tests": dict(counts)}})
        log.info("tests counted", node_id=event.node_id, tests=len(tests))

    async def uncounted(self) -> AsyncIterator[Node]:
        """Yield the recent jobs that are done but have no counts."""
        since = (datetime.now(UTC) - SWEPT).isoformat()
        for job in await self._api.find(
            kind=Kind.JOB, state=State.DONE, updated__gt=since
        ):
            if isinstance(job, Job) and "tests" not in (job.data.misc or {}):
                yield job

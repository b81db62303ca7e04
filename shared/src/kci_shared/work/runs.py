# SPDX-License-Identifier: LGPL-2.1-or-later
"""The jobs that a bridge runs at the moment."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator

from structlog.contextvars import bound_contextvars

from kci_shared.logging import get_logger
from kci_shared.work.job import JobRun

log = get_logger(__name__)


class Runs:
    """Runs each job in a task of its own."""

    def __init__(self, ended: Callable[[], None]) -> None:
        """Call `ended` after each job."""
        self._tasks: dict[asyncio.Task[None], JobRun] = {}
        self._on_end = ended

    def __len__(self) -> int:
        return len(self._tasks)

    def __iter__(self) -> Iterator[JobRun]:
        return iter(self._tasks.values())

    def has(self, node_id: str) -> bool:
        """Return whether a node's job runs here."""
        return any(run.node.id == node_id for run in self)

    def platforms(self, select: Callable[[JobRun], bool]) -> Counter[str]:
        """Count the selected jobs by platform."""
        return Counter(
            str(getattr(run.node.data, "platform", None)) for run in self if select(run)
        )

    def start(self, run: JobRun) -> None:
        """Start a job, after earlier runs of its node, whose claims have lapsed."""
        node_id = run.node.id
        earlier = [task for task, old in self._tasks.items() if old.node.id == node_id]
        with bound_contextvars(node_id=node_id):  # in every log line of the task
            task = asyncio.create_task(_run_after(earlier, run))
        self._tasks[task] = run
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        node_id = self._tasks.pop(task).node.id
        if not task.cancelled() and (error := task.exception()):
            log.error("run failed", node_id=node_id, exc_info=error)
        self._on_end()

    async def wait_for_end(self, seconds: float) -> None:
        """Wait until any job has ended, at most so long."""
        pause = asyncio.create_task(asyncio.sleep(seconds))
        try:
            await asyncio.wait(
                {pause, *self._tasks}, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            pause.cancel()

    async def drain(self, seconds: float) -> None:
        """Let jobs end within a time, then cancel the others."""
        if self._tasks:
            log.info("draining", jobs=len(self._tasks))
            await asyncio.wait(set(self._tasks), timeout=seconds)
        rest = list(self._tasks)
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)


async def _run_after(earlier: list[asyncio.Task[None]], run: JobRun) -> None:
    for task in earlier:
        task.cancel()
    await asyncio.gather(*earlier, return_exceptions=True)
    await run.run()

# SPDX-License-Identifier: LGPL-2.1-or-later
import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

from kci_shared.errors import Unavailable
from kci_shared.events.lanes import Work
from kci_shared.events.reconcile import Reconciliation, event_of
from kci_shared.models import NODE, Event, Node, Result, State

NOW = datetime(2026, 11, 30, tzinfo=UTC)


def a_node(name: str) -> Node:
    return NODE.validate_python(
        {
            "id": name,
            "kind": "job",
            "name": "boot",
            "state": "done",
            "result": "pass",
            "owner": "lab",
            "version": 3,
            "created": NOW,
            "updated": NOW,
            "data": {"misc": {"a": 1}},
        }
    )


class Service:
    """Owes what nothing has handled yet; fails as often as it is set to."""

    def __init__(self, *owed: str) -> None:
        self.owed = list(owed)
        self.faults: list[Exception] = []
        self.sweeps = 0
        self.stop = asyncio.Event()

    async def on_event(self, event: Event) -> None:
        if self.faults:
            raise self.faults.pop(0)
        self.owed.remove(event.node_id)

    async def sweep(self) -> AsyncIterator[Node]:
        self.sweeps += 1
        if not self.owed:
            self.stop.set()
        for name in list(self.owed):
            yield a_node(name)


async def do(_: str, work: Work) -> None:
    await work()


def test_a_swept_node_looks_as_if_it_had_just_changed() -> None:
    event = event_of(a_node("n1"))
    assert event.id == "n1-3"
    assert event.became(State.DONE)
    assert event.data.result is Result.PASS
    assert event.data.data["misc"] == {"a": 1}


async def test_a_sweep_is_made_at_start_and_again_until_nothing_is_owed() -> None:
    service = Service("n1", "n2")
    service.faults = [Unavailable("away"), RuntimeError("a bug")]
    async with asyncio.timeout(10):
        await Reconciliation(service.sweep, service.on_event, do, 0.01).run(
            service.stop
        )
    assert service.sweeps == 3
    assert not service.owed


async def test_a_sweep_that_is_requested_begins_at_once() -> None:
    service = Service("n1")
    reconciliation = Reconciliation(service.sweep, service.on_event, do, 3600)
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        tasks.create_task(reconciliation.run(service.stop))
        while service.owed:
            await asyncio.sleep(0)
        reconciliation.request()
    assert service.sweeps == 2


async def test_a_query_that_fails_is_made_again() -> None:
    service = Service("n1")
    faults: list[Exception] = [Unavailable("away"), RuntimeError("a bug")]

    async def sweep() -> AsyncIterator[Node]:
        if faults:
            raise faults.pop(0)
        async for node in service.sweep():
            yield node

    async with asyncio.timeout(10):
        await Reconciliation(sweep, service.on_event, do, 0.01).run(service.stop)
    assert not service.owed

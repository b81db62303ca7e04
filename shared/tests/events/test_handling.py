# SPDX-License-Identifier: LGPL-2.1-or-later
from datetime import UTC, datetime

from redis.asyncio import Redis
from redis.exceptions import ConnectionError as NotConnected

from kci_shared.errors import Invalid, NotYet
from kci_shared.events.deliveries import Deliveries
from kci_shared.events.group import ConsumerGroup, Delivery
from kci_shared.events.handling import Handling
from kci_shared.models import Event, Kind, NodeChange, Op, State

CHANGE = NodeChange(
    op=Op.CREATED, id="n", kind=Kind.JOB, name="boot", state=State.RUNNING
)
EVENT = Event(id="n-1", time=datetime(2026, 11, 30, tzinfo=UTC), data=CHANGE)


class Group(ConsumerGroup):
    """A group without a Redis: it buries into a list, unless Redis is away."""

    def __init__(self) -> None:
        super().__init__(Redis(), "test")
        self.buried: list[str] = []
        self.away = False

    async def attempts(self, delivery: Delivery) -> int:
        self._reach()
        return 1

    async def bury(self, delivery: Delivery, reason: str) -> None:
        self._reach()
        self.buried.append(reason)

    def _reach(self) -> None:
        if self.away:
            raise NotConnected("away")


def a_delivery(text: str = "{") -> Delivery:
    return Delivery("node", "1-0", text.encode())


async def test_what_cannot_be_given_up_now_is_left_to_who_takes_it_over() -> None:
    group = Group()
    deliveries = Deliveries(group)
    handling = Handling(_refuse, deliveries, group)
    delivery = a_delivery()
    group.away = True
    for _ in range(2):
        assert deliveries.add(delivery.key), "it is held although nobody handles it"
        assert await handling.parse(delivery) is None
    assert deliveries.add(delivery.key)
    await handling.handle(delivery, EVENT)
    assert deliveries.unknown([delivery.key]) == [delivery.key]
    group.away = False
    assert await handling.parse(delivery) is None
    await handling.handle(delivery, EVENT)
    assert [reason.partition(":")[0] for reason in group.buried] == [
        "not an event",
        "Invalid",
    ]


async def _refuse(_: Event) -> None:
    raise Invalid("no such field")


async def test_a_delivery_is_retried_after_its_pause() -> None:
    now = 0.0
    group = Group()
    deliveries = Deliveries(group, lambda: now)
    delivery = a_delivery()

    async def wait(_: Event) -> None:
        raise NotYet("wait")

    assert deliveries.add(delivery.key)
    await Handling(wait, deliveries, group).handle(delivery, EVENT)
    assert deliveries.due(10) == []
    assert 0 < deliveries.next_due_s <= 1
    now = 1.0
    assert deliveries.due(10) == [delivery.key]
    assert deliveries.due(10) == []

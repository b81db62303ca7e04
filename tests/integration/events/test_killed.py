# SPDX-License-Identifier: LGPL-2.1-or-later
"""A service killed between any two of its steps loses no event."""

from collections.abc import Awaitable, Callable, Iterator
from typing import Any, cast

import pytest

from integration.events.conftest import GROUP, Service, World, names
from kci_shared.errors import Invalid, NotYet
from kci_shared.events import stream
from kci_shared.events.group import ConsumerGroup
from kci_shared.models import CHANNEL, Event

pytestmark = pytest.mark.integration

STEPS = (
    *("create", "read", "fill", "left_behind", "own", "take_over", "take_again"),
    *("attempts", "acknowledge", "bury", "give_back"),
)
MOST = 28
"""At least as many steps as a service makes until all is handled."""


class Killed(BaseException):
    """The process is killed."""


class Life:
    """Counts the steps of a service, and ends before or after one of them."""

    def __init__(self, last: int, when: str) -> None:
        self._last = last
        self._when = when
        self.steps = 0

    async def step(self, work: Callable[[], Awaitable[Any]]) -> Any:
        """Make a step; what is dead makes none."""
        self.steps += 1
        if self._over("before"):
            raise Killed
        result = await work()
        if self._over("after"):
            raise Killed
        return result

    def _over(self, when: str) -> bool:
        return self.steps > self._last or (
            self.steps == self._last and self._when == when
        )


def mortal(life: Life) -> type[ConsumerGroup]:
    """Return consumer groups whose calls are steps of a life."""

    def a_step(name: str) -> Callable[..., Awaitable[Any]]:
        async def step(self: ConsumerGroup, *arguments: Any) -> Any:
            method = getattr(ConsumerGroup, name)
            return await life.step(lambda: method(self, *arguments))

        return step

    methods = {name: a_step(name) for name in STEPS}
    return cast("type[ConsumerGroup]", type("MortalGroup", (ConsumerGroup,), methods))


def kinds(error: BaseException) -> Iterator[type[BaseException]]:
    """Yield what an error, or a group of errors, consists of."""
    if isinstance(error, BaseExceptionGroup):
        for one in error.exceptions:
            yield from kinds(one)
    else:
        yield type(error)


async def until_killed(
    world: World, service: Service, life: Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(stream, "ConsumerGroup", mortal(life))
        errors: set[type[BaseException]] = set()
        try:
            await world.run(service)
        except (Killed, BaseExceptionGroup) as error:
            errors = set(kinds(error))
        assert errors <= {Killed}


async def in_trouble(world: World) -> Service:
    """Return a service that meets all that can happen to events.

    Of twelve events, two are expired (and one is owed), three are in the history only,
    and two are pending without their events. One fails for now, one for good.
    """
    await world.publish(1, 2, 3)
    await world.redis.xgroup_create(CHANNEL, GROUP, "0")
    await world.redis.xreadgroup(GROUP, "dead", {CHANNEL: ">"}, count=3)
    for number in range(4, 13):
        await world.publish(number, tree=f"tree{number % 3}")
    await world.trim(7)
    world.history.shorten(2)
    failing = {"n8": [NotYet("wait")]}

    def before(event: Event) -> None:
        if event.node_id == "n9":
            service.note("n9")
            raise Invalid("for good")
        for fault in failing.pop(event.node_id, []):
            raise fault

    service = Service(set(names(*range(1, 13))), owed=names(1), before=before)
    return service


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("last", range(1, MOST + 1))
async def test_a_service_killed_at_any_step_loses_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch, last: int, when: str
) -> None:
    service = await in_trouble(world)
    await until_killed(world, service, Life(last, when), monkeypatch)
    service.stop.clear()
    await world.publish(13)
    service.expected.add("n13")
    await world.run(service)
    assert set(service.handled) == service.expected
    letters: Any = await world.redis.xrange(f"dead:{GROUP}")
    assert {letter["reason"] for _, letter in letters} == {"Invalid: for good"}


async def test_a_killed_handler_gets_its_event_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.publish(1, 2)
    service = Service(set(names(1, 2)))

    def kill(event: Event) -> None:
        raise Killed

    service.before = kill
    await until_killed(world, service, Life(MOST, "before"), monkeypatch)
    service.before = lambda _: None
    await world.run(service)
    assert service.handled == names(1, 2)

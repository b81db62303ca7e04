# SPDX-License-Identifier: LGPL-2.1-or-later
"""A mail goes out once, whoever is away, refuses, or is killed."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from kci_email_reporter.delivery import PATIENCE, Delivery
from kci_email_reporter.smtp import InDoubt, Letter, Postponed, Replies, Reply
from kci_shared.models import Result
from kci_shared.work import CannotRun

ONE, TWO = "results@ci.example.org", "list@lists.example"
LETTER = Letter("<m@ci.example.org>", "bounces+1@ci.example.org", (ONE, TWO), b"x")
OK, LATER, NEVER = Reply(250, "kept"), Reply(451, "busy"), Reply(550, "no such user")
Says = Callable[[str], Reply]


class Killed(BaseException):
    """The process ends here, as by kill -9."""


class FakeWorld:
    """A relay with its archive, and a clock that runs as fast as one sleeps."""

    def __init__(self) -> None:
        self.says: Says = lambda _: OK
        self.troubles: list[BaseException] = []
        """What the next calls run into."""
        self.after_data: BaseException | None = None
        self.late = 0.0
        """How long a copy takes to its archive."""
        self.now = 0.0
        self.offers = 0
        self.sent: list[tuple[str, ...]] = []
        self.arrives = float("inf")

    async def send(self, letter: Letter, recipients: Sequence[str]) -> Replies:
        self.offers += 1
        if self.troubles:
            raise self.troubles.pop(0)
        replies = {to: self.says(to) for to in recipients}
        if not any(reply.deferred for reply in replies.values()):
            taken = tuple(to for to, reply in replies.items() if reply.accepted)
            if taken:
                self.sent.append(taken)
                self.arrives = self.now + self.late
        if self.after_data:
            error, self.after_data = self.after_data, None
            raise error
        return replies

    async def has(self, message_id: str) -> bool:
        assert message_id == LETTER.message_id
        return self.now >= self.arrives

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def world() -> FakeWorld:
    return FakeWorld()


@pytest.fixture
def delivery(world: FakeWorld, scene: Any) -> Delivery:
    return Delivery(world, world, scene.settings(), world.sleep)


async def test_a_mail_goes_to_all_in_one_transaction(
    world: FakeWorld, delivery: Delivery
) -> None:
    assert (await delivery.run(LETTER, 0)).result is Result.PASS
    assert world.sent == [(ONE, TWO)]


async def test_a_relay_that_is_away_is_waited_for(
    world: FakeWorld, delivery: Delivery
) -> None:
    world.troubles = [Postponed("refused")] * 20
    assert (await delivery.run(LETTER, 0)).result is Result.PASS
    assert world.sent == [(ONE, TWO)]
    assert 3600 < world.now < 5 * 3600


async def test_after_two_days_the_mail_is_given_up(
    world: FakeWorld, delivery: Delivery
) -> None:
    world.troubles = [Postponed("refused")] * 9999
    with pytest.raises(CannotRun, match=r"not sent within .* s: Postponed: refused"):
        await delivery.run(LETTER, 0)
    assert 48 * 3600 <= world.now < 49 * 3600


async def test_a_greylisted_recipient_delays_the_mail_but_doubles_it_for_nobody(
    world: FakeWorld, delivery: Delivery
) -> None:
    world.says = lambda to: LATER if to == TWO and world.offers < 4 else OK
    assert (await delivery.run(LETTER, 0)).result is Result.PASS
    assert world.sent == [(ONE, TWO)]


async def test_nobody_waits_for_ever_for_a_recipient_that_is_always_deferred(
    world: FakeWorld, delivery: Delivery
) -> None:
    world.says = lambda to: LATER if to == TWO else OK
    outcome = await delivery.run(LETTER, 0)
    assert world.sent == [(ONE,)]
    assert world.now >= PATIENCE
    assert outcome.result is Result.PASS
    assert outcome.error_msg == f"refused: {TWO}: 451 busy"


async def test_who_is_refused_for_good_is_named(
    world: FakeWorld, delivery: Delivery
) -> None:
    world.says = lambda to: NEVER if to == TWO else OK
    outcome = await delivery.run(LETTER, 0)
    assert (outcome.result, world.sent) == (Result.PASS, [(ONE,)])
    assert outcome.error_msg == f"refused: {TWO}: 550 no such user"


async def test_a_mail_that_nobody_may_have_fails_at_once(
    world: FakeWorld, delivery: Delivery
) -> None:
    world.says = lambda _: NEVER
    outcome = await delivery.run(LETTER, 0)
    assert (outcome.result, world.offers) == (Result.FAIL, 1)


@pytest.mark.parametrize("late", [0, 3])
async def test_killed_between_250_and_report_the_mail_is_not_sent_again(
    world: FakeWorld, delivery: Delivery, scene: Any, late: float
) -> None:
    world.after_data, world.late = Killed(), late
    with pytest.raises(Killed):
        await delivery.run(LETTER, 0)
    next_life = Delivery(world, world, scene.settings(), world.sleep)
    assert (await next_life.run(LETTER, 5)).result is Result.PASS
    assert world.sent == [(ONE, TWO)]


async def test_killed_before_the_relay_had_it_the_mail_is_sent_after_all(
    world: FakeWorld, delivery: Delivery
) -> None:
    world.troubles = [Killed()]
    with pytest.raises(Killed):
        await delivery.run(LETTER, 0)
    assert (await delivery.run(LETTER, 5)).result is Result.PASS
    assert world.sent == [(ONE, TWO)]
    assert world.now == 5  # it waited for a copy first


@pytest.mark.parametrize("late", [0, 4])
async def test_a_connection_lost_after_the_mail_is_no_reason_to_send_it_again(
    world: FakeWorld, delivery: Delivery, late: float
) -> None:
    world.after_data, world.late = InDoubt("lost"), late
    assert (await delivery.run(LETTER, 0)).result is Result.PASS
    assert world.sent == [(ONE, TWO)]


async def test_a_mail_given_back_by_a_bridge_that_stopped_is_looked_for(
    world: FakeWorld, delivery: Delivery
) -> None:
    world.arrives = 0
    assert (await delivery.run(LETTER, 0)).result is Result.PASS
    assert world.sent == []


async def test_without_its_archive_the_mail_waits(
    world: FakeWorld, scene: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Unmounted(FakeWorld):
        async def has(self, message_id: str) -> bool:
            if world.now < 60:
                raise FileNotFoundError("archive/new")
            return False

    delivery = Delivery(world, Unmounted(), scene.settings(), world.sleep)
    assert (await delivery.run(LETTER, 5)).result is Result.PASS
    assert world.now > 60
    assert world.sent == [(ONE, TWO)]


async def test_where_no_archive_is_kept_the_same_mail_is_sent_again(
    world: FakeWorld, scene: Any
) -> None:
    delivery = Delivery(world, None, scene.settings(), world.sleep)
    assert (await delivery.run(LETTER, 5)).result is Result.PASS
    assert (world.sent, world.now) == ([(ONE, TWO)], 0)

# SPDX-License-Identifier: LGPL-2.1-or-later
"""A mail is sent once, whatever is away, refuses, or is killed."""

from collections.abc import Callable, Sequence

import pytest
from email_reporter_fakes import make_settings

from kci_email_reporter.delivery import DEFERRAL_MAX_S, Delivery
from kci_email_reporter.smtp import Envelope, InDoubt, Postponed, Replies, Reply
from kci_shared.errors import ChannelDown
from kci_shared.models import Result
from kci_shared.work import CannotRun

ONE, TWO = "results@ci.example.org", "list@lists.example"
ENVELOPE = Envelope("<m@ci.example.org>", "bounces+1@ci.example.org", (ONE, TWO), b"x")
OK, LATER, NEVER = Reply(250, "kept"), Reply(451, "busy"), Reply(550, "no such user")
ReplyTo = Callable[[str], Reply]


class Killed(BaseException):
    """The process is killed here."""


class FakeMailSystem:
    """A relay with its archive, and a clock that only sleeping advances."""

    def __init__(self) -> None:
        self.reply: ReplyTo = lambda _: OK
        self.errors: list[BaseException] = []
        """What the next offers raise."""
        self.after_data: BaseException | None = None
        """What the next offer raises after the mail was sent."""
        self.archive_delay_s = 0.0
        self.now_s = 0.0
        self.offers = 0
        self.sent: list[tuple[str, ...]] = []
        self.archived_at_s = float("inf")

    async def send(self, envelope: Envelope, recipients: Sequence[str]) -> Replies:
        self.offers += 1
        if self.errors:
            raise self.errors.pop(0)
        replies = {to: self.reply(to) for to in recipients}
        if not any(reply.deferred for reply in replies.values()):
            accepted = tuple(to for to, reply in replies.items() if reply.accepted)
            if accepted:
                self.sent.append(accepted)
                self.archived_at_s = self.now_s + self.archive_delay_s
        if self.after_data:
            error, self.after_data = self.after_data, None
            raise error
        return replies

    async def has(self, message_id: str) -> bool:
        assert message_id == ENVELOPE.message_id
        return self.now_s >= self.archived_at_s

    async def sleep(self, seconds: float) -> None:
        self.now_s += seconds


@pytest.fixture
def mails() -> FakeMailSystem:
    return FakeMailSystem()


@pytest.fixture
def delivery(mails: FakeMailSystem) -> Delivery:
    return Delivery(mails, mails, make_settings(), mails.sleep)


async def test_a_mail_goes_to_all_recipients_in_one_transaction(
    mails: FakeMailSystem, delivery: Delivery
) -> None:
    assert (await delivery.run(ENVELOPE, 0)).result is Result.PASS
    assert mails.sent == [(ONE, TWO)]


async def test_a_relay_that_is_away_is_waited_for(
    mails: FakeMailSystem, delivery: Delivery
) -> None:
    mails.errors = [Postponed("refused")] * 20
    assert (await delivery.run(ENVELOPE, 0)).result is Result.PASS
    assert mails.sent == [(ONE, TWO)]
    assert 3600 < mails.now_s < 5 * 3600


async def test_while_the_relay_cannot_be_used_no_time_counts(
    mails: FakeMailSystem, delivery: Delivery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kci_shared.channels.openings.PAUSE_S", 0)
    mails.errors = [ChannelDown("smtp: the login is refused")] * 9999
    assert (await delivery.run(ENVELOPE, 0)).result is Result.PASS
    assert mails.sent == [(ONE, TWO)]
    assert mails.now_s == 0


async def test_after_two_days_the_mail_is_given_up(
    mails: FakeMailSystem, delivery: Delivery
) -> None:
    mails.errors = [Postponed("refused")] * 9999
    with pytest.raises(CannotRun, match=r"not sent within .* s: Postponed: refused"):
        await delivery.run(ENVELOPE, 0)
    assert 48 * 3600 <= mails.now_s < 49 * 3600


async def test_a_greylisted_recipient_delays_the_mail_and_nobody_gets_it_twice(
    mails: FakeMailSystem, delivery: Delivery
) -> None:
    mails.reply = lambda to: LATER if to == TWO and mails.offers < 4 else OK
    assert (await delivery.run(ENVELOPE, 0)).result is Result.PASS
    assert mails.sent == [(ONE, TWO)]


async def test_a_recipient_that_stays_deferred_is_given_up_after_hours(
    mails: FakeMailSystem, delivery: Delivery
) -> None:
    mails.reply = lambda to: LATER if to == TWO else OK
    outcome = await delivery.run(ENVELOPE, 0)
    assert mails.sent == [(ONE,)]
    assert mails.now_s >= DEFERRAL_MAX_S
    assert outcome.result is Result.PASS
    assert outcome.error_msg == f"refused: {TWO}: 451 busy"


async def test_a_refused_recipient_is_named_in_the_outcome(
    mails: FakeMailSystem, delivery: Delivery
) -> None:
    mails.reply = lambda to: NEVER if to == TWO else OK
    outcome = await delivery.run(ENVELOPE, 0)
    assert (outcome.result, mails.sent) == (Result.PASS, [(ONE,)])
    assert outcome.error_msg == f"refused: {TWO}: 550 no such user"


async def test_a_mail_refused_for_all_recipients_fails_at_once(
    mails: FakeMailSystem, delivery: Delivery
) -> None:
    mails.reply = lambda _: NEVER
    outcome = await delivery.run(ENVELOPE, 0)
    assert (outcome.result, mails.offers) == (Result.FAIL, 1)


@pytest.mark.parametrize("delay_s", [0, 3])
async def test_a_mail_sent_before_a_kill_is_not_sent_again(
    mails: FakeMailSystem, delivery: Delivery, delay_s: float
) -> None:
    mails.after_data, mails.archive_delay_s = Killed(), delay_s
    with pytest.raises(Killed):
        await delivery.run(ENVELOPE, 0)
    next_life = Delivery(mails, mails, make_settings(), mails.sleep)
    assert (await next_life.run(ENVELOPE, 5)).result is Result.PASS
    assert mails.sent == [(ONE, TWO)]


async def test_a_mail_that_was_not_sent_before_a_kill_is_sent(
    mails: FakeMailSystem, delivery: Delivery
) -> None:
    mails.errors = [Killed()]
    with pytest.raises(Killed):
        await delivery.run(ENVELOPE, 0)
    assert (await delivery.run(ENVELOPE, 5)).result is Result.PASS
    assert mails.sent == [(ONE, TWO)]
    assert mails.now_s == 5  # it waited for a copy first


@pytest.mark.parametrize("delay_s", [0, 4])
async def test_a_mail_sent_before_a_lost_connection_is_not_sent_again(
    mails: FakeMailSystem, delivery: Delivery, delay_s: float
) -> None:
    mails.after_data, mails.archive_delay_s = InDoubt("lost"), delay_s
    assert (await delivery.run(ENVELOPE, 0)).result is Result.PASS
    assert mails.sent == [(ONE, TWO)]


async def test_a_mail_that_is_in_the_archive_is_not_sent_again(
    mails: FakeMailSystem, delivery: Delivery
) -> None:
    mails.archived_at_s = 0
    assert (await delivery.run(ENVELOPE, 0)).result is Result.PASS
    assert mails.sent == []


async def test_a_mail_waits_while_the_archive_cannot_be_read(
    mails: FakeMailSystem,
) -> None:
    class Unmounted(FakeMailSystem):
        async def has(self, message_id: str) -> bool:
            if mails.now_s < 60:
                raise FileNotFoundError("archive/new")
            return False

    delivery = Delivery(mails, Unmounted(), make_settings(), mails.sleep)
    assert (await delivery.run(ENVELOPE, 5)).result is Result.PASS
    assert mails.now_s > 60
    assert mails.sent == [(ONE, TWO)]


async def test_without_an_archive_the_mail_is_sent_again(mails: FakeMailSystem) -> None:
    delivery = Delivery(mails, None, make_settings(), mails.sleep)
    assert (await delivery.run(ENVELOPE, 5)).result is Result.PASS
    assert (mails.sent, mails.now_s) == ([(ONE, TWO)], 0)

# SPDX-License-Identifier: LGPL-2.1-or-later
"""The words between us and a relay."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session

from kci_email_reporter.smtp import InDoubt, Letter, Postponed, SmtpRelay, _to_the_end

ONE, TWO = "one@lists.example", "two@lists.example"
LETTER = Letter(
    message_id="<m@ci.example.org>",
    sender="bounces+m1@ci.example.org",
    recipients=(ONE, TWO),
    content="Subject: x\r\n\r\n.größer\r\n..\r\nx\r\n".encode(),
)


class World:
    """A relay that answers each recipient as told, and one mail."""

    def __init__(self) -> None:
        self.to: dict[str, str] = {}
        self.data = "250 kept"
        self.mails: list[Envelope] = []

    async def handle_RCPT(  # noqa: N802 - aiosmtpd calls it like this
        self, _: SMTP, __: Session, envelope: Envelope, address: str, ___: list[str]
    ) -> str:
        said = self.to.get(address, "250 OK")
        if said.startswith("250"):
            envelope.rcpt_tos.append(address)
        return said

    async def handle_DATA(  # noqa: N802 - aiosmtpd calls it like this
        self, server: SMTP, _: Session, envelope: Envelope
    ) -> str:
        if self.data == "hang up":
            assert server.transport
            server.transport.abort()
            return ""
        self.mails += [envelope] if self.data.startswith("250") else []
        return self.data


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
async def relay(world: World, scene: Any) -> AsyncIterator[SmtpRelay]:
    server = await asyncio.get_running_loop().create_server(
        lambda: SMTP(world, hostname="relay", data_size_limit=2000), "127.0.0.1", 0
    )
    port = server.sockets[0].getsockname()[1]
    yield SmtpRelay(scene.settings(smtp_port=port))
    server.close()


async def test_all_get_the_mail_in_one_transaction(
    world: World, relay: SmtpRelay
) -> None:
    replies = await relay.send(LETTER, [ONE, TWO])
    assert [reply.code for reply in replies.values()] == [250, 250]
    (mail,) = world.mails
    assert mail.mail_from == "bounces+m1@ci.example.org"
    assert mail.rcpt_tos == [ONE, TWO]
    assert mail.content == LETTER.content
    assert "BODY=8BITMIME" in mail.mail_options


async def test_who_is_refused_hears_nothing_and_the_others_do(
    world: World, relay: SmtpRelay
) -> None:
    world.to = {TWO: "550 5.1.1 no such user"}
    replies = await relay.send(LETTER, [ONE, TWO])
    assert replies[ONE].accepted
    assert str(replies[TWO]) == "550 5.1.1 no such user"
    assert world.mails[0].rcpt_tos == [ONE]


async def test_as_long_as_one_is_deferred_nobody_gets_the_mail(
    world: World, relay: SmtpRelay
) -> None:
    world.to = {TWO: "451 4.7.1 come back later"}
    replies = await relay.send(LETTER, [ONE, TWO])
    assert replies[ONE].accepted
    assert replies[TWO].deferred
    assert not world.mails


@pytest.mark.parametrize(
    ("said", "deferred"), [("451 4.3.0 busy", True), ("554 5.6.0 spam", False)]
)
async def test_what_the_relay_says_of_the_mail_is_said_to_all(
    world: World, relay: SmtpRelay, said: str, deferred: bool
) -> None:
    world.data = said
    replies = await relay.send(LETTER, [ONE, TWO])
    assert {str(reply) for reply in replies.values()} == {said}
    assert {reply.deferred for reply in replies.values()} == {deferred}


async def test_a_mail_too_large_is_refused_before_it_is_sent(relay: SmtpRelay) -> None:
    large = Letter("<m@x>", LETTER.sender, (ONE,), b"x" * 3000)
    replies = await relay.send(large, [ONE])
    assert (replies[ONE].code, replies[ONE].deferred) == (552, False)


async def test_a_connection_lost_in_the_mail_leaves_us_in_doubt(
    world: World, relay: SmtpRelay
) -> None:
    world.data = "hang up"
    with pytest.raises(InDoubt):
        await relay.send(LETTER, [ONE])


async def test_a_relay_that_is_away_has_sent_nothing(scene: Any) -> None:
    relay = SmtpRelay(scene.settings(smtp_port=1))
    with pytest.raises(Postponed) as error:
        await relay.send(LETTER, [ONE])
    assert not isinstance(error.value, InDoubt)


async def test_a_relay_without_the_tls_that_we_want_gets_nothing(
    world: World, relay: SmtpRelay, scene: Any
) -> None:
    port = relay._settings.smtp_port
    strict = SmtpRelay(scene.settings(smtp_port=port, smtp_tls="starttls"))
    with pytest.raises(Postponed):
        await strict.send(LETTER, [ONE])
    assert not world.mails


async def test_what_leaves_us_in_doubt_when_cut_short_is_not_cut_short() -> None:
    done = []

    async def work() -> None:
        await asyncio.sleep(0.01)
        done.append("all of it")

    sending = asyncio.create_task(_to_the_end(work()))
    await asyncio.sleep(0)
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    assert done == ["all of it"]

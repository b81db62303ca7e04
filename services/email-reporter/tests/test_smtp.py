# SPDX-License-Identifier: LGPL-2.1-or-later
"""A mail over SMTP, and what each reply of the relay means."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiosmtpd.smtp import SMTP, Session
from aiosmtpd.smtp import Envelope as ServerEnvelope
from email_reporter_fakes import make_settings

from kci_email_reporter.smtp import (
    Envelope,
    InDoubt,
    Postponed,
    SmtpRelay,
    _uninterrupted,
)
from kci_shared.errors import ChannelDown

ONE, TWO = "one@lists.example", "two@lists.example"
ENVELOPE = Envelope(
    message_id="<m@ci.example.org>",
    sender="bounces+m1@ci.example.org",
    recipients=(ONE, TWO),
    content="Subject: x\r\n\r\n.größer\r\n..\r\nx\r\n".encode(),
)


class FakeServer:
    """A relay with a configured reply for each recipient, and for the mail."""

    def __init__(self) -> None:
        self.rcpt_replies: dict[str, str] = {}
        self.data_reply = "250 kept"
        self.mails: list[ServerEnvelope] = []

    async def handle_RCPT(  # noqa: N802 - aiosmtpd calls it like this
        self,
        _: SMTP,
        __: Session,
        envelope: ServerEnvelope,
        address: str,
        ___: list[str],
    ) -> str:
        reply = self.rcpt_replies.get(address, "250 OK")
        if reply.startswith("250"):
            envelope.rcpt_tos.append(address)
        return reply

    async def handle_DATA(  # noqa: N802 - aiosmtpd calls it like this
        self, server: SMTP, _: Session, envelope: ServerEnvelope
    ) -> str:
        if self.data_reply == "hang up":
            assert isinstance(server.transport, asyncio.WriteTransport)
            server.transport.abort()
            return ""
        self.mails += [envelope] if self.data_reply.startswith("250") else []
        return self.data_reply


@pytest.fixture
def server() -> FakeServer:
    return FakeServer()


@pytest.fixture
async def relay(server: FakeServer) -> AsyncIterator[SmtpRelay]:
    listener = await asyncio.get_running_loop().create_server(
        lambda: SMTP(server, hostname="relay", data_size_limit=2000), "127.0.0.1", 0
    )
    port = listener.sockets[0].getsockname()[1]
    yield SmtpRelay(make_settings(smtp_port=port))
    listener.close()


async def test_all_recipients_get_the_mail_in_one_transaction(
    server: FakeServer, relay: SmtpRelay
) -> None:
    replies = await relay.send(ENVELOPE, [ONE, TWO])
    assert [reply.code for reply in replies.values()] == [250, 250]
    (mail,) = server.mails
    assert mail.mail_from == "bounces+m1@ci.example.org"
    assert mail.rcpt_tos == [ONE, TWO]
    assert mail.content == ENVELOPE.content
    assert "BODY=8BITMIME" in mail.mail_options


async def test_a_refused_recipient_does_not_keep_the_mail_from_the_others(
    server: FakeServer, relay: SmtpRelay
) -> None:
    server.rcpt_replies = {TWO: "550 5.1.1 no such user"}
    replies = await relay.send(ENVELOPE, [ONE, TWO])
    assert replies[ONE].accepted
    assert str(replies[TWO]) == "550 5.1.1 no such user"
    assert server.mails[0].rcpt_tos == [ONE]


async def test_while_a_recipient_is_deferred_nobody_gets_the_mail(
    server: FakeServer, relay: SmtpRelay
) -> None:
    server.rcpt_replies = {TWO: "451 4.7.1 come back later"}
    replies = await relay.send(ENVELOPE, [ONE, TWO])
    assert replies[ONE].accepted
    assert replies[TWO].deferred
    assert not server.mails


@pytest.mark.parametrize(
    ("reply", "deferred"), [("451 4.3.0 busy", True), ("554 5.6.0 spam", False)]
)
async def test_a_reply_to_the_mail_counts_for_all_recipients(
    server: FakeServer, relay: SmtpRelay, reply: str, deferred: bool
) -> None:
    server.data_reply = reply
    replies = await relay.send(ENVELOPE, [ONE, TWO])
    assert {str(one) for one in replies.values()} == {reply}
    assert {one.deferred for one in replies.values()} == {deferred}


async def test_a_mail_too_large_is_not_transmitted(
    relay: SmtpRelay,
) -> None:
    large = Envelope("<m@x>", ENVELOPE.sender, (ONE,), b"x" * 3000)
    replies = await relay.send(large, [ONE])
    assert (replies[ONE].code, replies[ONE].deferred) == (552, False)


async def test_a_mail_may_have_been_sent_before_the_connection_was_lost(
    server: FakeServer, relay: SmtpRelay
) -> None:
    server.data_reply = "hang up"
    with pytest.raises(InDoubt):
        await relay.send(ENVELOPE, [ONE])


async def test_a_relay_that_is_away_has_sent_nothing() -> None:
    relay = SmtpRelay(make_settings(smtp_port=1))
    with pytest.raises(ChannelDown, match="start the server"):
        await relay.send(ENVELOPE, [ONE])


@pytest.mark.parametrize("greeting", ["554 not you", "421 later"])
async def test_a_relay_that_refuses_the_connection_is_no_fault_of_the_mail(
    greeting: str,
) -> None:
    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(f"{greeting}\r\n".encode())
        writer.close()

    listener = await asyncio.start_server(greet, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    expected = Postponed if greeting.startswith("4") else ChannelDown
    async with listener:
        with pytest.raises(expected):
            await SmtpRelay(make_settings(smtp_port=port)).send(ENVELOPE, [ONE])


async def test_a_relay_without_the_required_tls_gets_nothing(
    server: FakeServer, relay: SmtpRelay
) -> None:
    port = relay._settings.smtp_port
    strict = SmtpRelay(make_settings(smtp_port=port, smtp_tls="starttls"))
    with pytest.raises(ChannelDown, match="KCI_SMTP_TLS"):
        await strict.send(ENVELOPE, [ONE])
    assert not server.mails


async def test_transmitting_a_mail_is_finished_even_if_cancelled() -> None:
    started, end, finished = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def transmit() -> None:
        started.set()
        await end.wait()
        finished.set()

    sending = asyncio.create_task(_uninterrupted(transmit()))
    await started.wait()
    sending.cancel()
    await asyncio.sleep(0)
    assert not sending.done()
    end.set()
    with pytest.raises(asyncio.CancelledError):
        await sending
    assert finished.is_set()

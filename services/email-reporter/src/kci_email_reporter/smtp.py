# SPDX-License-Identifier: LGPL-2.1-or-later
"""Sends one mail over SMTP; returns the relay's reply for each recipient."""

import asyncio
import contextlib
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from aiosmtplib import (
    SMTP,
    SMTPAuthenticationError,
    SMTPException,
    SMTPNotSupported,
    SMTPResponseException,
)

from kci_email_reporter.settings import Settings, Tls
from kci_shared.channels import About, Channel, Sighting
from kci_shared.channels.sightings import of_error
from kci_shared.errors import KciError

T = TypeVar("T")

START_TLS = {Tls.AUTO: None, Tls.STARTTLS: True, Tls.TLS: False}
"""Whether to upgrade a plain connection; None: if the relay offers it."""
COMMAND_TIMEOUT_S = 60.0
DATA_TIMEOUT_S = 600.0
"""How long a relay may take to accept a mail (RFC 5321, 4.5.3.2.6)."""
QUIT_TIMEOUT_S = 5.0


class Postponed(KciError):
    """The relay defers, or is interrupted; nothing was sent."""

    retryable = True


class InDoubt(Postponed):
    """The connection broke after the mail was transmitted: it may have been sent."""


@dataclass(frozen=True)
class Reply:
    """A reply of the relay."""

    code: int
    text: str

    @property
    def accepted(self) -> bool:
        """Whether the relay accepts the mail for the recipient."""
        return 200 <= self.code < 300

    @property
    def deferred(self) -> bool:
        """Whether the relay may accept the mail later."""
        return not self.accepted and not 500 <= self.code < 600

    def __str__(self) -> str:
        return f"{self.code} {self.text}"


Replies = dict[str, Reply]


@dataclass(frozen=True)
class Envelope:
    """A mail and its SMTP envelope."""

    message_id: str
    sender: str
    recipients: tuple[str, ...]
    content: bytes


class Relay(Protocol):
    """Sends mails."""

    async def send(self, envelope: Envelope, recipients: Sequence[str]) -> Replies:
        """Send a mail unless a recipient is deferred; return the replies.

        If none is deferred, it goes to all accepted recipients in one transaction, so
        that nobody gets it twice. Raises `ChannelDown` if the relay cannot be used,
        `Postponed` if it defers, or `InDoubt` if the mail may have been sent.
        """
        ...


class SmtpRelay:
    """An SMTP server that relays our mails."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        password = settings.smtp_password
        about = About(
            "smtp",
            url="KCI_SMTP_HOST, KCI_SMTP_PORT and KCI_SMTP_TLS",
            credentials=password.setting if password else "KCI_SMTP_PASSWORD",
        )
        self.channel = Channel(about, self._probe)

    async def _probe(self) -> None:
        await _quit(await self._connect())

    async def send(self, envelope: Envelope, recipients: Sequence[str]) -> Replies:
        """Send a mail unless a recipient is deferred; return the replies."""
        self.channel.require()
        smtp = await self._connect()
        try:
            try:
                return await _transact(smtp, envelope, recipients)
            finally:
                await _quit(smtp)
        except (SMTPException, OSError) as error:
            raise Postponed(f"{type(error).__name__}: {error}") from error

    async def _connect(self) -> SMTP:
        """Connect; raise `ChannelDown` unless the relay only defers."""
        try:
            return await self._log_in()
        except (SMTPException, OSError) as error:
            reason = f"{type(error).__name__}: {error}"
            if isinstance(error, SMTPResponseException) and _defers(error):
                raise Postponed(reason) from error
            raise self.channel.fault(_sighting(error), reason) from error

    async def _log_in(self) -> SMTP:
        settings = self._settings
        password = settings.smtp_password
        smtp = SMTP(
            hostname=settings.smtp_host,
            port=settings.smtp_port,
            username=settings.smtp_user,
            password=password.read() if password else None,
            local_hostname=settings.mail_domain,
            timeout=COMMAND_TIMEOUT_S,
            use_tls=settings.smtp_tls is Tls.TLS,
            start_tls=START_TLS[settings.smtp_tls],
        )
        await smtp.connect()
        return smtp


def _defers(error: SMTPResponseException) -> bool:
    return Reply(error.code, error.message).deferred


def _sighting(error: Exception) -> Sighting:
    match error:
        case SMTPAuthenticationError():
            return Sighting.UNAUTHORIZED
        case SMTPNotSupported():
            return Sighting.UNAUTHORIZED  # it offers no login
        case SMTPResponseException():
            return Sighting.FORBIDDEN
        case _ if "STARTTLS" in str(error):
            return Sighting.TLS  # it offers none
        case _:
            return of_error(error)


async def _transact(
    smtp: SMTP, envelope: Envelope, recipients: Sequence[str]
) -> Replies:
    replies = await _transmit_envelope(smtp, envelope, recipients)
    accepted = any(reply.accepted for reply in replies.values())
    if not accepted or any(reply.deferred for reply in replies.values()):
        return replies
    result = await _uninterrupted(_data(smtp, envelope.content))
    return {
        recipient: result if reply.accepted else reply
        for recipient, reply in replies.items()
    }


async def _transmit_envelope(
    smtp: SMTP, envelope: Envelope, recipients: Sequence[str]
) -> Replies:
    """Transmit sender and recipients; return the replies."""
    reply = await _reply(smtp.mail(envelope.sender, options=_options(smtp, envelope)))
    if not reply.accepted:
        return dict.fromkeys(recipients, reply)
    return {recipient: await _reply(smtp.rcpt(recipient)) for recipient in recipients}


def _options(smtp: SMTP, envelope: Envelope) -> list[str]:
    options = []
    if smtp.supports_extension("size"):
        options.append(f"SIZE={len(envelope.content)}")
    if smtp.supports_extension("8bitmime") and not envelope.content.isascii():
        options.append("BODY=8BITMIME")
    return options


async def _data(smtp: SMTP, content: bytes) -> Reply:
    """Transmit the content; return the reply."""
    try:
        reply = await _reply(smtp.data(content, timeout=DATA_TIMEOUT_S))
    except (SMTPException, OSError) as error:
        raise InDoubt(f"{type(error).__name__}: {error}") from error
    if reply.code < 400 and not reply.accepted:
        raise InDoubt(f"unexpected reply to DATA: {reply}")
    return reply


async def _reply(command: Coroutine[Any, Any, Any]) -> Reply:
    try:
        response = await command
    except SMTPResponseException as refusal:
        return Reply(refusal.code, refusal.message)
    return Reply(response.code, response.message)


async def _quit(smtp: SMTP) -> None:
    """End the session; errors no longer matter."""
    with contextlib.suppress(SMTPException, OSError):
        await smtp.quit(timeout=QUIT_TIMEOUT_S)
    smtp.close()


async def _uninterrupted(work: Coroutine[Any, Any, T]) -> T:
    """Finish work even if cancelled: a mail cut short may or may not have been sent."""
    task = asyncio.create_task(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.gather(task, return_exceptions=True)
        raise

# SPDX-License-Identifier: LGPL-2.1-or-later
"""One mail to one relay, and what the relay said to each recipient."""

import asyncio
import contextlib
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from aiosmtplib import SMTP, SMTPException, SMTPResponseException

from kci_email_reporter.settings import Settings, Tls
from kci_shared.errors import KciError

T = TypeVar("T")

COMMAND_SECONDS = 60.0
DATA_SECONDS = 600.0
"""What RFC 5321 (4.5.3.2.6) gives a server to take a whole mail."""
FAREWELL_SECONDS = 5.0


class Postponed(KciError):
    """The relay cannot be reached, or not now; nothing was sent."""

    retryable = True


class InDoubt(Postponed):
    """The connection broke when all was said: the relay may have the mail."""


@dataclass(frozen=True)
class Reply:
    """What the relay said."""

    code: int
    text: str

    @property
    def accepted(self) -> bool:
        """Whether the relay takes the mail for this recipient."""
        return 200 <= self.code < 300

    @property
    def deferred(self) -> bool:
        """Whether the relay may say otherwise later."""
        return not self.accepted and not 500 <= self.code < 600

    def __str__(self) -> str:
        return f"{self.code} {self.text}"


Replies = dict[str, Reply]


@dataclass(frozen=True)
class Letter:
    """A mail with its envelope."""

    message_id: str
    sender: str
    recipients: tuple[str, ...]
    content: bytes


class Relay(Protocol):
    """Whatever takes mail for the world."""

    async def send(self, letter: Letter, recipients: Sequence[str]) -> Replies:
        """Offer a mail to the recipients; send it unless one of them is deferred.

        So a mail is sent once, to all who can have it. Raises `Postponed`.
        """
        ...


class SmtpRelay:
    """An SMTP server."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    async def send(self, letter: Letter, recipients: Sequence[str]) -> Replies:
        """Offer a mail to the recipients; send it unless one of them is deferred."""
        try:
            smtp = await self._connect()
            try:
                return await _transact(smtp, letter, recipients)
            finally:
                await _leave(smtp)
        except (SMTPException, OSError) as error:
            raise Postponed(f"{type(error).__name__}: {error}") from error

    async def _connect(self) -> SMTP:
        told = self._settings
        password = told.smtp_password
        smtp = SMTP(
            hostname=told.smtp_host,
            port=told.smtp_port,
            username=told.smtp_user,
            password=password.read() if password else None,
            local_hostname=told.mail_domain,
            timeout=COMMAND_SECONDS,
            use_tls=told.smtp_tls is Tls.TLS,
            start_tls={Tls.STARTTLS: True, Tls.TLS: False}.get(told.smtp_tls),
        )
        await smtp.connect()
        return smtp


async def _transact(smtp: SMTP, letter: Letter, recipients: Sequence[str]) -> Replies:
    replies = await _offer(smtp, letter, recipients)
    willing = any(reply.accepted for reply in replies.values())
    if not willing or any(reply.deferred for reply in replies.values()):
        return replies
    said = await _to_the_end(_hand_over(smtp, letter.content))
    return {
        recipient: said if reply.accepted else reply
        for recipient, reply in replies.items()
    }


async def _offer(smtp: SMTP, letter: Letter, recipients: Sequence[str]) -> Replies:
    said = await _reply(smtp.mail(letter.sender, options=_options(smtp, letter)))
    if not said.accepted:
        return dict.fromkeys(recipients, said)
    return {recipient: await _reply(smtp.rcpt(recipient)) for recipient in recipients}


def _options(smtp: SMTP, letter: Letter) -> list[str]:
    options = []
    if smtp.supports_extension("size"):
        options.append(f"SIZE={len(letter.content)}")
    if smtp.supports_extension("8bitmime") and not letter.content.isascii():
        options.append("BODY=8BITMIME")
    return options


async def _hand_over(smtp: SMTP, content: bytes) -> Reply:
    try:
        said = await _reply(smtp.data(content, timeout=DATA_SECONDS))
    except (SMTPException, OSError) as error:
        raise InDoubt(f"{type(error).__name__}: {error}") from error
    if said.code < 400 and not said.accepted:
        raise InDoubt(f"the relay's answer is no answer: {said}")
    return said


async def _reply(command: Coroutine[Any, Any, Any]) -> Reply:
    try:
        said = await command
    except SMTPResponseException as refusal:
        return Reply(refusal.code, refusal.message)
    return Reply(said.code, said.message)


async def _leave(smtp: SMTP) -> None:
    """Say goodbye; the mail's fate was decided before."""
    with contextlib.suppress(SMTPException, OSError):
        await smtp.quit(timeout=FAREWELL_SECONDS)
    smtp.close()


async def _to_the_end(work: Coroutine[Any, Any, T]) -> T:
    """Finish what leaves us in doubt when it is cut short, even if cancelled."""
    task = asyncio.create_task(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.gather(task, return_exceptions=True)
        raise

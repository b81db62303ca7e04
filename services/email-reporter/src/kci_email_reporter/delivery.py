# SPDX-License-Identifier: LGPL-2.1-or-later
"""Delivers one mail: offers it to the relay until each recipient has a final reply."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from functools import partial

from kci_email_reporter.sent_mails import Archive
from kci_email_reporter.settings import Settings
from kci_email_reporter.smtp import Envelope, InDoubt, Postponed, Relay, Replies
from kci_shared.channels import patiently
from kci_shared.logging import get_logger
from kci_shared.models import Result
from kci_shared.work import CannotRun, RunOutcome

log = get_logger(__name__)

Sleep = Callable[[float], Awaitable[None]]

DEFERRAL_MAX_S = 4 * 3600.0
"""How long deferred recipients may delay a mail for the others."""
RETRY_MAX_S = 15 * 60.0
"""Longest wait between two offers."""
ARCHIVE_POLL_S = 1.0


class Delivery:
    """Sends a mail once, even if an earlier attempt may have sent it."""

    def __init__(
        self,
        relay: Relay,
        archive: Archive | None,
        settings: Settings,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._relay = relay
        self._archive = archive
        self._settings = settings
        self._sleep = sleep

    async def run(self, envelope: Envelope, settle_s: float) -> RunOutcome:
        """Send the mail unless it is in the archive; return the relay's decision.

        `settle_s` is how long to wait for a copy in the archive if an earlier attempt
        may have sent the mail, else 0. Raises `CannotRun` if it is not sent in time,
        which passes only while the relay can be used.
        """
        recipients, waited_s = _Recipients(envelope.recipients), 0.0
        for pause_s in _pauses_s():
            try:
                if await self._was_sent(envelope.message_id, settle_s):
                    return RunOutcome(Result.PASS)
                settle_s = 0
                to = recipients.waiting
                replies = await patiently(partial(self._relay.send, envelope, to))
                if outcome := recipients.outcome(replies, waited_s):
                    return outcome
                reason = _quote(_deferred(replies))
            except (Postponed, OSError) as error:
                reason = f"{type(error).__name__}: {error}"
                if isinstance(error, InDoubt):
                    settle_s = self._settings.mail_settle
            if waited_s >= self._settings.queue:
                raise CannotRun(f"not sent within {waited_s:g} s: {reason}")
            log.warning("mail waits", reason=reason, seconds=pause_s)
            await self._sleep(pause_s)
            waited_s += pause_s
        raise AssertionError("unreachable: there is always another pause")

    async def _was_sent(self, message_id: str, settle_s: float) -> bool:
        """Look for the mail in the archive, for `settle_s` seconds."""
        if self._archive is None:
            return False
        while not await self._archive.has(message_id):
            if settle_s <= 0:
                return False
            await self._sleep(ARCHIVE_POLL_S)
            settle_s -= ARCHIVE_POLL_S
        log.info("mail was sent before", message_id=message_id)
        return True


class _Recipients:
    """The recipients of a mail: those that wait for it, and those that are given up."""

    def __init__(self, addresses: tuple[str, ...]) -> None:
        self.waiting = addresses
        self._given_up = Replies()

    def outcome(self, replies: Replies, waited_s: float) -> RunOutcome | None:
        """Return the outcome if the mail was offered for good, or None.

        Deferred recipients are given up once they have delayed the others for too long.
        """
        deferred = _deferred(replies)
        if not deferred:
            return _outcome({**self._given_up, **replies})
        if waited_s >= DEFERRAL_MAX_S and len(deferred) < len(replies):
            self._given_up |= deferred
            self.waiting = tuple(to for to in self.waiting if to not in deferred)
        return None


def _deferred(replies: Replies) -> Replies:
    return {to: reply for to, reply in replies.items() if reply.deferred}


def _pauses_s() -> Iterator[float]:
    """Yield 1, 2, 4, ... seconds, without end."""
    pause_s = 1.0
    while True:
        yield pause_s
        pause_s = min(2 * pause_s, RETRY_MAX_S)


def _outcome(replies: Replies) -> RunOutcome:
    """Return the mail's outcome, with the relay's replies where it refused."""
    refused = {to: reply for to, reply in replies.items() if not reply.accepted}
    if not refused:
        return RunOutcome(Result.PASS)
    result = Result.FAIL if len(refused) == len(replies) else Result.PASS
    return RunOutcome(result, error_msg=f"refused: {_quote(refused)}")


def _quote(replies: Replies) -> str:
    return "; ".join(f"{to}: {reply}" for to, reply in replies.items())

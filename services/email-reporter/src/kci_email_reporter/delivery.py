# SPDX-License-Identifier: LGPL-2.1-or-later
"""One mail on its way: offered again and again until the relay has decided."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator

from kci_email_reporter.archive import Archive
from kci_email_reporter.settings import Settings
from kci_email_reporter.smtp import InDoubt, Letter, Postponed, Relay, Replies
from kci_shared.logging import get_logger
from kci_shared.models import Result
from kci_shared.work import CannotRun, RunOutcome

log = get_logger(__name__)

Sleep = Callable[[float], Awaitable[None]]

PATIENCE = 4 * 3600.0
"""How long the others wait for recipients that are deferred, in seconds."""
LONGEST_PAUSE = 15 * 60.0
LOOK_AGAIN = 1.0
"""Between two looks into the archive, in seconds."""


class Delivery:
    """Sends a mail once, whatever happened to it before.

    `doubt` says how long a copy may take to appear in the archive when the mail may
    have been sent already; 0 when only a look tells.
    """

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

    async def run(self, letter: Letter, doubt: float) -> RunOutcome:
        """Send the mail; raise `CannotRun` when that cannot be done in time."""
        waiting, given_up, waited = letter.recipients, Replies(), 0.0
        for pause in _pauses():
            try:
                if await self._was_sent(letter.message_id, doubt):
                    return RunOutcome(Result.PASS)
                doubt = 0
                replies = await self._relay.send(letter, waiting)
            except (Postponed, OSError) as error:
                reason = f"{type(error).__name__}: {error}"
                if isinstance(error, InDoubt):
                    doubt = self._settings.mail_settle
            else:
                deferred = {to: said for to, said in replies.items() if said.deferred}
                if not deferred:
                    return _outcome({**given_up, **replies})
                reason = _quote(deferred)
                if waited >= PATIENCE and len(deferred) < len(replies):
                    given_up |= deferred
                    waiting = tuple(to for to in waiting if to not in deferred)
            if waited >= self._settings.queue:
                raise CannotRun(f"not sent within {waited:g} s: {reason}")
            log.warning("mail waits", reason=reason, seconds=pause)
            await self._sleep(pause)
            waited += pause
        raise AssertionError("unreachable: there is always another pause")

    async def _was_sent(self, message_id: str, doubt: float) -> bool:
        """Look for a copy of the mail, as long as one may still appear."""
        if self._archive is None:
            return False
        while not await self._archive.has(message_id):
            if doubt <= 0:
                return False
            await self._sleep(LOOK_AGAIN)
            doubt -= LOOK_AGAIN
        log.info("mail was sent before", message_id=message_id)
        return True


def _pauses() -> Iterator[float]:
    """Yield 1, 2, 4, ... seconds, without end."""
    pause = 1.0
    while True:
        yield pause
        pause = min(2 * pause, LONGEST_PAUSE)


def _outcome(replies: Replies) -> RunOutcome:
    """Tell what became of the mail, in the relay's words where it refused."""
    refused = {to: said for to, said in replies.items() if not said.accepted}
    if not refused:
        return RunOutcome(Result.PASS)
    result = Result.FAIL if len(refused) == len(replies) else Result.PASS
    return RunOutcome(result, error_msg=f"refused: {_quote(refused)}")


def _quote(replies: Replies) -> str:
    return "; ".join(f"{to}: {said}" for to, said in replies.items())

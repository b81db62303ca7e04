# SPDX-License-Identifier: LGPL-2.1-or-later
"""A claimed node: every write to it carries the claim's token, or it is lost."""

import asyncio
from collections.abc import Awaitable
from typing import Any, NoReturn, TypeVar

import stamina

from kci_shared.client import ApiClient
from kci_shared.errors import ApiError, Conflict, KciError, NotFound
from kci_shared.logging import get_logger
from kci_shared.models import ClaimedNode, Report, State

log = get_logger(__name__)

T = TypeVar("T")

LONGEST_PAUSE = 15.0
"""Between two attempts to report, while the API is away, in seconds."""
REPORT_SECONDS = 1800.0
"""How long one report is tried: an API that is back by then dislikes the report."""


class ClaimLost(KciError):
    """Somebody else has the node now; what we know of it is of no use."""


class Held:
    """A node that this bridge holds, for `lease` seconds after each heartbeat."""

    def __init__(self, api: ApiClient, claimed: ClaimedNode, lease: float) -> None:
        self.node = claimed.node
        self.attempt = claimed.claim.attempt
        self.token = claimed.claim.token
        self._api = api
        self._lease = lease
        self._hurry = asyncio.Event()

    async def keep(self) -> NoReturn:
        """Renew the claim until it is lost; an API that is away has not said so."""
        beat = self._lease / 3
        while True:
            await self._hurried(beat)
            try:
                async with asyncio.timeout(beat):
                    await self._renew()
            except (TimeoutError, ApiError) as error:
                log.warning("heartbeat missed", reason=repr(error))

    def hurry(self) -> None:
        """Renew the claim now: something is said to have happened to it."""
        self._hurry.set()

    async def _hurried(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._hurry.wait()
        except TimeoutError:
            pass
        self._hurry.clear()

    async def _renew(self) -> None:
        await _fenced(self._api.renew(self.node.id, self.token, self._lease))

    async def note(self, **facts: Any) -> None:
        """Write the lab's own facts on the node; nothing depends on them."""
        try:
            async with asyncio.timeout(self._lease / 3):
                await _fenced(self._api.note(self.node.id, self.token, facts))
        except (TimeoutError, ApiError) as error:
            log.warning("facts not noted", reason=repr(error))

    async def report(self, report: Report) -> None:
        """End the node, although the API may be away for long."""
        async for attempt in stamina.retry_context(
            on=_is_away, attempts=None, timeout=REPORT_SECONDS, wait_max=LONGEST_PAUSE
        ):
            with attempt:
                await _fenced(self._api.report(self.node.id, report))

    async def is_over(self) -> bool:
        """Say whether nobody needs to run the node any more."""
        try:
            node = await self._api.get(self.node.id)
        except ApiError as error:
            log.warning("fate of the node unknown", reason=repr(error))
            return False
        return node is None or node.state is State.DONE

    async def release(self, reason: str) -> None:
        """Give the node back unfinished, if the API can be told."""
        try:
            await _fenced(self._api.release(self.node.id, self.token, reason))
        except (ApiError, ClaimLost) as error:
            log.warning("claim left to lapse", reason=repr(error))


def _is_away(error: Exception) -> bool:
    return isinstance(error, ApiError) and error.retryable


async def _fenced(call: Awaitable[T]) -> T:
    try:
        return await call
    except (Conflict, NotFound) as error:
        raise ClaimLost(str(error)) from error

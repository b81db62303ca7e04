# SPDX-License-Identifier: LGPL-2.1-or-later
"""A claimed node: every write to it carries the claim's token, or is refused."""

import asyncio
from collections.abc import Awaitable
from functools import partial
from typing import Any, NoReturn, TypeVar

import stamina

from kci_shared.channels import patiently
from kci_shared.errors import ApiError, ChannelDown, Conflict, KciError, NotFound
from kci_shared.logging import get_logger
from kci_shared.models import ClaimedNode, Report, State
from kci_shared.waiting import wait
from kci_shared.work.api import ClaimsApi

log = get_logger(__name__)

T = TypeVar("T")

MAX_PAUSE_S = 15.0
"""Longest pause between two attempts to report while the API is unavailable."""
REPORT_S = 1800.0
"""How long one report is retried. After that the API is up, but rejects the report."""
RELEASE_S = 5.0
"""How long a release is tried: a process that stops has about ten seconds."""


class ClaimLost(KciError):
    """Another bridge holds the node now: our results no longer count."""


class HeldNode:
    """A node that this bridge holds until `lease_s` after its last heartbeat."""

    def __init__(self, api: ClaimsApi, claimed: ClaimedNode, lease_s: float) -> None:
        self.node = claimed.node
        self.attempt = claimed.claim.attempt
        self.token = claimed.claim.token
        self._api = api
        self._lease_s = lease_s
        self._hurry = asyncio.Event()

    async def keep(self) -> NoReturn:
        """Renew the claim until it is lost; an API that is down does not end it."""
        beat_s = self._lease_s / 3
        while True:
            await wait(self._hurry, beat_s)
            self._hurry.clear()
            try:
                async with asyncio.timeout(beat_s):
                    await self._renew()
            except (TimeoutError, ApiError, ChannelDown) as error:
                log.warning("heartbeat missed", reason=repr(error))

    def hurry(self) -> None:
        """Renew the claim now, which shows whether it still exists."""
        self._hurry.set()

    async def _renew(self) -> None:
        await _fenced(self._api.renew(self.node.id, self.token, self._lease_s))

    async def note(self, **facts: Any) -> None:
        """Write facts into the node's `data`; failures are only logged."""
        try:
            async with asyncio.timeout(self._lease_s / 3):
                await _fenced(self._api.note(self.node.id, self.token, facts))
        except (TimeoutError, ApiError, ChannelDown) as error:
            log.warning("facts not noted", reason=repr(error))

    async def report(self, report: Report) -> None:
        """End the node with a report.

        It is retried for `REPORT_S` if the API fails, and without a limit while its
        channel is down.
        """
        await patiently(lambda: self._report(report))

    async def _report(self, report: Report) -> None:
        async for attempt in stamina.retry_context(
            on=_is_unavailable, attempts=None, timeout=REPORT_S, wait_max=MAX_PAUSE_S
        ):
            with attempt:
                await _fenced(self._api.report(self.node.id, report))

    async def is_over(self) -> bool:
        """Return whether the node is done or deleted; False if the API is down."""
        try:
            node = await self._api.get(self.node.id)
        except (ApiError, ChannelDown) as error:
            log.warning("fate of the node unknown", reason=repr(error))
            return False
        return node is None or node.state is State.DONE

    async def release(self, reason: str) -> None:
        """Give the node back for others to claim; failures are only logged.

        A channel that is down may be up again within `RELEASE_S`.
        """
        call = partial(self._api.release, self.node.id, self.token, reason)
        try:
            async with asyncio.timeout(RELEASE_S):
                await patiently(lambda: _fenced(call()))
        except (TimeoutError, KciError) as error:
            log.warning("claim left to lapse", reason=repr(error))


def _is_unavailable(error: Exception) -> bool:
    return isinstance(error, ApiError) and error.retryable


async def _fenced(call: Awaitable[T]) -> T:
    try:
        return await call
    except (Conflict, NotFound) as error:
        raise ClaimLost(str(error)) from error

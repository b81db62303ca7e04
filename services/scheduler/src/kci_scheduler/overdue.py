# SPDX-License-Identifier: LGPL-2.1-or-later
"""End nodes whose time is over, which no event reports."""

import asyncio
from contextlib import suppress
from datetime import datetime

from kci_scheduler.clock import utc_now
from kci_scheduler.closing import Closing
from kci_shared.errors import BadRequest, Conflict, KciError
from kci_shared.logging import get_logger
from kci_shared.models import ErrorCode, Kind, Node, Result, State
from kci_shared.nodes import Nodes
from kci_shared.rules.artifacts import TARBALL
from kci_shared.rules.attempts import MOST_ATTEMPTS
from kci_shared.waiting import wait

log = get_logger(__name__)


class OverdueNodes:
    """Ends nodes that are overdue or lost; closes checkouts whose holdoff is over."""

    def __init__(self, api: Nodes, closing: Closing) -> None:
        self._api = api
        self._closing = closing

    async def run(self, every: float, stop: asyncio.Event) -> None:
        """Look every `every` seconds until `stop` is set."""
        while not stop.is_set():
            try:
                await self.end_all(utc_now())
            except KciError as error:
                log.warning("overdue nodes not ended", reason=str(error))
            await wait(stop, every)

    async def end_all(self, now: datetime) -> None:
        """Look once for nodes whose time is over."""
        past = now.isoformat()
        for node in await self._api.find(state__ne=State.DONE, timeout__lt=past):
            if not _has_other_deadline(node, now):
                reason = f"not done by {node.timeout:%Y-%m-%d %H:%M:%S} UTC"
                await self._end(node, ErrorCode.NODE_TIMEOUT, reason)
        for node in await self._api.find(
            state=State.RUNNING, **{"claim.deadline__lt": past}
        ):
            if node.claim is not None and node.claim.deadline is not None:
                reason = f"still running at {node.claim.deadline:%Y-%m-%d %H:%M:%S} UTC"
                await self._end(node, ErrorCode.NODE_TIMEOUT, reason)
        for node in await self._api.find(
            state=State.RUNNING, **{"claim.expires__lt": past}
        ):
            if node.claim is not None and node.claim.attempt >= MOST_ATTEMPTS:
                reason = f"lost by its bridge {node.claim.attempt} times"
                await self._end(node, ErrorCode.INFRASTRUCTURE, reason)
        for checkout in await self._api.find(
            kind=Kind.CHECKOUT, state=State.AVAILABLE, holdoff__lt=past
        ):
            await self._closing.close(checkout.treeid or "")

    async def _end(self, node: Node, code: ErrorCode, reason: str) -> None:
        """End this version of a node; one that has changed meanwhile is left alone."""
        with suppress(BadRequest, Conflict):
            await self._api.update(
                node.id,
                if_version=node.version,
                state=State.DONE,
                result=node.result or Result.INCOMPLETE,
                data={"error_code": code, "error_msg": reason},
            )
            log.info("node ended", node_id=node.id, reason=reason)


def _has_other_deadline(node: Node, now: datetime) -> bool:
    """Say whether a node past its timeout has another deadline."""
    if node.claim is not None and node.claim.expires > now:
        return True  # a claimed node has the deadline of its claim
    # a checkout with sources is closed after the last node below it
    return node.state is State.AVAILABLE and TARBALL in node.artifacts

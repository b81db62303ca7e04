# SPDX-License-Identifier: LGPL-2.1-or-later
"""The end of a tree: its checkout is done when all below it is."""

from datetime import UTC, datetime
from typing import Any, Protocol

from kci_shared.errors import BadRequest, Conflict
from kci_shared.logging import get_logger
from kci_shared.models import Kind, Node, State

log = get_logger(__name__)

BELOW = f"{Kind.KBUILD},{Kind.JOB}"


class Trees(Protocol):
    """What closing asks of the API."""

    async def find(self, **filters: Any) -> list[Node]:
        """Return all nodes that match."""
        ...

    async def count(self, **filters: Any) -> int:
        """Return how many nodes match."""
        ...

    async def update(self, node_id: str, **changes: Any) -> Node:
        """Change fields of a node."""
        ...


class Closing:
    """Closes a checkout once every build and job of its tree is done and planned."""

    def __init__(self, api: Trees) -> None:
        self._api = api

    async def close(self, treeid: str) -> None:
        """Close the checkout of a tree, if the time has come."""
        if not await self._is_finished(treeid):
            return
        for checkout in await self._api.find(
            treeid=treeid, kind=Kind.CHECKOUT, state=State.AVAILABLE
        ):
            if checkout.holdoff is None or checkout.holdoff <= datetime.now(UTC):
                await self._end(checkout)

    async def _is_finished(self, treeid: str) -> bool:
        """Say whether nothing of a tree is left to do, nor left to plan.

        Only what is done gets planned, so that planned is all that has to be asked.
        A tree without any build is not finished: its builds are still to come.
        """
        below = {"treeid": treeid, "kind__in": BELOW}
        if await self._api.count(**below) == 0:
            return False
        # In this order: a build that comes in between is seen as not planned.
        return await self._api.count(**below, **{"data.planned__ne": True}) == 0

    async def _end(self, checkout: Node) -> None:
        try:
            await self._api.update(checkout.id, state=State.DONE)
        except (BadRequest, Conflict):
            return  # another replica was faster
        log.info("checkout closed", checkout_id=checkout.id)

# SPDX-License-Identifier: LGPL-2.1-or-later
"""The end of a tree: its checkout is done when all below it is."""

from collections.abc import Callable
from datetime import datetime

from kci_scheduler.clock import utc_now
from kci_shared.errors import BadRequest, Conflict
from kci_shared.logging import get_logger
from kci_shared.models import Checkout, Kind, Node, State
from kci_shared.nodes import Nodes
from kci_shared.rules.artifacts import TARBALL

log = get_logger(__name__)

BELOW = f"{Kind.KBUILD},{Kind.JOB}"


class Closing:
    """Closes a checkout once every build and job of its tree is done and planned."""

    def __init__(self, api: Nodes, now: Callable[[], datetime] = utc_now) -> None:
        self._api = api
        self._now = now

    async def close(self, treeid: str) -> None:
        """Close the checkout of a tree, if the time has come."""
        if await self._unplanned(treeid):
            return  # that is so nearly always, and one call tells it
        now = self._now()
        for checkout in await self._api.find(
            treeid=treeid, kind=Kind.CHECKOUT, state=State.AVAILABLE
        ):
            assert isinstance(checkout, Checkout)
            held = checkout.holdoff is not None and checkout.holdoff > now
            if not held and await self._is_finished(checkout):
                await self._end(checkout)

    async def _is_finished(self, checkout: Checkout) -> bool:
        """Say whether nothing of a tree is left to do, nor left to plan.

        Only what is done gets planned, so that planned is all that has to be asked.
        Where the builds are made elsewhere, the first of them is waited for.
        """
        if TARBALL in checkout.artifacts and not checkout.data.planned:
            return False
        if TARBALL not in checkout.artifacts:
            below = {"treeid": checkout.treeid, "kind__in": BELOW}
            if await self._api.count(**below) == 0:
                return False
        # In this order: a build that comes in between is seen as not planned.
        return await self._unplanned(checkout.treeid) == 0

    async def _unplanned(self, treeid: str | None) -> int:
        below = {"treeid": treeid, "kind__in": BELOW}
        return await self._api.count(**below, **{"data.planned__ne": True})

    async def _end(self, checkout: Node) -> None:
        """Close a checkout as it was seen; whoever changes it meanwhile closes it."""
        try:
            await self._api.update(
                checkout.id, if_version=checkout.version, state=State.DONE
            )
        except (BadRequest, Conflict):
            return
        log.info("checkout closed", checkout_id=checkout.id)

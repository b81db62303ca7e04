# SPDX-License-Identifier: LGPL-2.1-or-later
"""Close a checkout when everything below it is done."""

from collections.abc import Callable
from datetime import datetime

from kci_scheduler.clock import utc_now
from kci_shared.errors import BadRequest, Conflict
from kci_shared.logging import get_logger
from kci_shared.models import Checkout, Job, Kbuild, Kind, Node, State
from kci_shared.nodes import Nodes
from kci_shared.rules.artifacts import TARBALL

log = get_logger(__name__)

BELOW = f"{Kind.KBUILD},{Kind.JOB}"
MOST_TREES = 1000
"""How many trees are remembered; to forget one costs a search."""


class Closing:
    """Closes the checkout of a tree when each build and job in it is planned."""

    def __init__(self, api: Nodes, now: Callable[[], datetime] = utc_now) -> None:
        self._api = api
        self._now = now
        self._seen: dict[str | None, str] = {}
        """For each tree a node that was not planned when it was looked at."""

    async def close(self, treeid: str) -> None:
        """Close the checkout of a tree if nothing is left to do in it."""
        if await self._has_unplanned(treeid):
            return  # the usual case takes one call
        for checkout in await self._api.find(
            treeid=treeid, kind=Kind.CHECKOUT, state=State.AVAILABLE
        ):
            assert isinstance(checkout, Checkout)
            if await self.is_due(checkout):
                await self._end(checkout)

    async def is_due(self, checkout: Checkout) -> bool:
        """Return whether a checkout that is available can be closed now."""
        if checkout.holdoff is not None and checkout.holdoff > self._now():
            return False
        return await self._is_finished(checkout)

    async def _is_finished(self, checkout: Checkout) -> bool:
        """Say whether a tree has nothing left to run, and nothing left to plan.

        Only nodes that are done get planned, so it is enough to look for others. Where
        others make the builds, the first build is waited for.
        """
        if TARBALL in checkout.artifacts and not checkout.data.planned:
            return False
        if TARBALL not in checkout.artifacts:
            below = {"treeid": checkout.treeid, "kind__in": BELOW}
            if not await self._api.find(**below, limit=1):
                return False
        # Last: this sees a build that arrives between the calls, as not planned.
        return not await self._has_unplanned(checkout.treeid)

    async def _has_unplanned(self, treeid: str | None) -> bool:
        """Return whether something is not planned; looks at the newest nodes first.

        What was found is looked at again before others are: only when it is planned,
        the tree is searched, which takes longer in a large tree.
        """
        seen = await self._api.get(self._seen[treeid]) if treeid in self._seen else None
        if isinstance(seen, Kbuild | Job) and not seen.data.planned:
            return True
        self._seen.pop(treeid, None)
        below = {"treeid": treeid, "kind__in": BELOW, "data.planned__ne": True}
        for node in await self._api.find(**below, sort="-id", limit=1):
            if len(self._seen) >= MOST_TREES:
                self._seen.clear()
            self._seen[treeid] = node.id
            return True
        return False

    async def _end(self, checkout: Node) -> None:
        """Close this version of a checkout; one that has changed is closed later."""
        try:
            await self._api.update(
                checkout.id, if_version=checkout.version, state=State.DONE
            )
        except (BadRequest, Conflict):
            return
        log.info("checkout closed", checkout_id=checkout.id)

# SPDX-License-Identifier: LGPL-2.1-or-later
"""The service: when a verdict is final, look for the failure that it makes news."""

from typing import Any, Protocol

from kci_regression_tracker.rules import (
    VERDICTS,
    Checkouts,
    Ran,
    baseline,
    identity,
    is_comparable,
    next_failures,
    regression,
    revision,
)
from kci_shared.errors import Conflict
from kci_shared.logging import get_logger
from kci_shared.models import Event, Kind, NewNode, Node, Result, State

log = get_logger(__name__)

KINDS = (Kind.KBUILD, Kind.JOB, Kind.TEST)
HORIZON = 100
"""How many revisions of a branch are searched for the other half of a regression."""
OLDER = ("created__lte", "-id")
NEWER = ("created__gte", "id")
BATCH = 100
"""How many parents one query asks for: an address has to fit in a request."""


class Nodes(Protocol):
    """What the tracker needs of the API."""

    async def get(self, node_id: str) -> Node | None:
        """Return a node as it is now."""

    async def find(self, **filters: Any) -> list[Node]:
        """Return the nodes that match."""

    async def create(self, node: NewNode) -> Node:
        """Create a node, once for its key."""


class RegressionTracker:
    """Creates a regression for what passed in one revision and fails in the next.

    Verdicts arrive in any order. A failure looks back for what it broke; a pass looks
    forward for a failure that did not find it in its time.
    """

    def __init__(self, api: Nodes) -> None:
        self._api = api

    async def on_event(self, event: Event) -> None:
        """Compare a node that has a final verdict with its neighbours."""
        if event.data.state is not State.DONE or event.data.kind not in KINDS:
            return
        node = await self._api.get(event.node_id)
        if not is_comparable(node):
            return
        if node.result is Result.FAIL:
            await self._look_back(node)
        else:
            await self._look_forward(node)

    async def _look_back(self, failed: Ran) -> None:
        checkouts = await self._checkouts(failed, OLDER)
        others = await self._runs(failed, checkouts)
        passed = baseline(failed, others, checkouts)
        if passed is None or await self._fails_below(failed):
            return
        try:
            found = await self._api.create(regression(failed, passed))
        except Conflict:
            return  # it is known, by a pass that was the latest then
        log.info("regression found", regression=found.id, failed=failed.id)

    async def _look_forward(self, passed: Ran) -> None:
        if not await self._ever_failed(passed):
            return
        checkouts = await self._checkouts(passed, NEWER)
        others = await self._runs(passed, checkouts)
        for failed in next_failures(passed, others, checkouts):
            await self._look_back(failed)

    async def _ever_failed(self, node: Ran) -> bool:
        """Ask the cheap question first: most tests pass, and always did."""
        same = _query(node)
        return bool(await self._api.find(**same, result=Result.FAIL.value, limit=1))

    async def _checkouts(self, node: Ran, side: tuple[str, str]) -> Checkouts:
        """Return when the node's revision began, and when those on one side did."""
        kind = Kind.CHECKOUT.value
        own = await self._api.find(treeid=node.treeid, kind=kind, limit=1)
        if not own:
            return {}
        created, sort = side
        branch = {
            "kind": kind,
            "data.kernel_revision.tree": revision(node).tree,
            "data.kernel_revision.branch": revision(node).branch,
            created: own[0].created.isoformat(),
        }
        others = await self._api.find(**branch, sort=sort, limit=HORIZON)
        return {each.treeid or "": each.created for each in (*own, *others)}

    async def _runs(self, node: Ran, checkouts: Checkouts) -> list[Node]:
        """Return the runs of those revisions that may compare with the node."""
        if not checkouts:
            return []
        trees = {"treeid__in": ",".join(checkouts), "result__in": ",".join(VERDICTS)}
        return await self._api.find(**_query(node), **trees)

    async def _fails_below(self, node: Ran) -> bool:
        """Say whether a job fails because of its tests: then these are the news."""
        level = [node.id] if node.kind is Kind.JOB else []
        while level:
            tests = [
                test
                for start in range(0, len(level), BATCH)
                for test in await self._tests(level[start : start + BATCH])
            ]
            if any(test.result is Result.FAIL for test in tests):
                return True
            level = [test.id for test in tests]
        return False

    async def _tests(self, parents: list[str]) -> list[Node]:
        kind = Kind.TEST.value
        return await self._api.find(parent__in=",".join(parents), kind=kind)


def _query(node: Ran) -> dict[str, str]:
    same = {
        name: "null" if value is None else value
        for name, value in identity(node).items()
    }
    return {**same, "state": State.DONE.value}

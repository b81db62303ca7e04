# SPDX-License-Identifier: LGPL-2.1-or-later
"""Turn events into the builds and jobs that follow."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import TypeVar

from kci_scheduler.builds import BuildPlan, plan_builds
from kci_scheduler.clock import utc_now
from kci_scheduler.closing import Closing
from kci_scheduler.plan import Plan, followers, needs_others, tests_around
from kci_scheduler.rules import Work
from kci_scheduler.tree_nodes import Family
from kci_shared.config import Config, Placements
from kci_shared.errors import Conflict, NotYet
from kci_shared.logging import get_logger
from kci_shared.models import (
    Checkout,
    Event,
    Kbuild,
    Kind,
    NewNode,
    Node,
    NodeChange,
    Result,
    State,
)
from kci_shared.nodes import Nodes
from kci_shared.rules.artifacts import TARBALL
from kci_shared.rules.verdicts import is_settled

log = get_logger(__name__)

T = TypeVar("T")

NODES_PER_CALL = 1000
"""How many nodes the API creates in one call."""
KEYS_PER_QUERY = 50
"""How many keys fit into a URL."""
COMMIT = "data.kernel_revision.commit"


class Scheduler:
    """Creates what follows from a node, and marks the node as planned.

    A node is planned once. If its event arrives again, nothing is created, even if the
    configuration has changed since.
    """

    def __init__(
        self,
        config: Callable[[], Config],
        api: Nodes,
        closing: Closing,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._config = config
        self._api = api
        self._closing = closing
        self._now = now
        self._known: Placements | None = None

    async def on_event(self, event: Event) -> None:
        """Plan what follows from a node that has changed."""
        config = self._config()
        if not _is_relevant(config, event.data):
            return
        node = await self._api.get(event.node_id)
        if node is None or node.treeid is None:
            return
        if isinstance(node, Checkout):
            await self._plan_checkout(config, node)
        elif isinstance(node, Work) and not node.data.planned:
            await self._plan_run(config, node)
        # Even if something follows: it may have ended during this call, or during an
        # earlier one that was lost.
        await self._closing.close(node.treeid)

    async def _plan_checkout(self, config: Config, checkout: Checkout) -> None:
        """Create the builds and the jobs that follow from the sources of a checkout."""
        is_available = (
            checkout.state is State.AVAILABLE and checkout.result is Result.PASS
        )
        if not is_available or checkout.data.planned:
            return
        builds = await self._builds(config, checkout)
        jobs = await self._followers(config, checkout)
        await self._create_both(jobs, builds.new)
        if builds.is_complete:
            await self._api.update(checkout.id, data={"planned": True})
        log.info(
            "checkout planned",
            builds=len(builds.new),
            jobs=len(jobs),
            waits=not builds.is_complete,
        )

    async def _builds(self, config: Config, checkout: Checkout) -> BuildPlan:
        revision = checkout.data.kernel_revision
        if revision is None or TARBALL not in checkout.artifacts:
            return BuildPlan()
        found = await self._api.find(kind=Kind.KBUILD, **{COMMIT: revision.commit})
        existing = [node for node in found if isinstance(node, Kbuild)]
        return plan_builds(config, checkout, existing, self._now())

    async def _create_both(self, jobs: list[NewNode], builds: list[NewNode]) -> None:
        """Create new jobs, and the builds that no other checkout has created."""
        try:
            for some in batched([*jobs, *builds], NODES_PER_CALL):
                await self._api.create_many(some)
        except Conflict:
            await self._create(jobs)
            try:
                for some in batched(builds, NODES_PER_CALL):
                    await self._api.create_many(some)
            except Conflict as error:
                # another checkout was faster, or a replica with other configuration
                raise NotYet(f"builds must be planned again: {error}") from error

    async def _plan_run(self, config: Config, node: Work) -> None:
        """Create what follows from a build or job, and mark it as planned."""
        new = await self._followers(config, node)
        await self._create(new)
        if not is_settled(node):
            return  # its log was not read yet: another event will follow
        if isinstance(node, Kbuild) and node.data.identity:
            await self._plan_waiting_checkouts(config, node)
        await self._api.update(node.id, data={"planned": True})
        if new:
            log.info("jobs planned", jobs=len(new))

    async def _plan_waiting_checkouts(self, config: Config, build: Kbuild) -> None:
        """Plan other checkouts of the same sources, which may wait for this build."""
        revision = build.data.kernel_revision
        if revision is None or build.data.same_as is not None:
            return
        for checkout in await self._api.find(
            kind=Kind.CHECKOUT, state=State.AVAILABLE, **{COMMIT: revision.commit}
        ):
            if isinstance(checkout, Checkout) and checkout.id != build.parent:
                await self._plan_checkout(config, checkout)

    async def _followers(self, config: Config, node: Node) -> list[NewNode]:
        family = Family(await self._relatives(config, node))
        return Plan(self._placements(config), family, self._now()).after(node)

    def _placements(self, config: Config) -> Placements:
        """Return the placements of a configuration, computed once for it."""
        if self._known is None or self._known.config is not config:
            self._known = Placements(config)
        return self._known

    async def _relatives(self, config: Config, node: Node) -> list[Node]:
        """Fetch as much of a node's tree as planning needs."""
        if needs_others(config, node):
            return await self._tree(config, node)
        line = [node]
        if followers(config, node):
            while (parent := await self._parent(line[-1])) is not None:
                line.append(parent)
        return line

    async def _tree(self, config: Config, node: Node) -> list[Node]:
        """Fetch the nodes that may fulfil other needs, and the nodes above them."""
        above = f"{Kind.CHECKOUT},{Kind.KBUILD}"
        found = await self._api.find(treeid=node.treeid, kind__in=above)
        if around := tests_around(config, node):
            kinds = f"{Kind.JOB},{Kind.PROCESS}"
            named = ",".join(sorted(around))
            found += await self._api.find(
                treeid=node.treeid, kind__in=kinds, name__in=named
            )
        return found

    async def _parent(self, node: Node) -> Node | None:
        return await self._api.get(node.parent) if node.parent else None

    async def _create(self, new: list[NewNode]) -> None:
        """Create nodes; existing ones stay, even if they would be different now."""
        for some in batched(new, NODES_PER_CALL):
            await self._create_some(some)

    async def _create_some(self, new: list[NewNode]) -> None:
        while new:
            try:
                await self._api.create_many(new)
            except Conflict:
                missing = await self._missing(new)
                if len(missing) == len(new):
                    raise
                new = missing
            else:
                return

    async def _missing(self, new: list[NewNode]) -> list[NewNode]:
        existing: set[str | None] = set()
        for some in batched([one.idempotency_key or "" for one in new], KEYS_PER_QUERY):
            found = await self._api.find(idempotency_key__in=",".join(some))
            existing.update(node.idempotency_key for node in found)
        return [one for one in new if one.idempotency_key not in existing]


def _is_relevant(config: Config, change: NodeChange) -> bool:
    """Say whether anything may follow from an event."""
    if change.state is State.RUNNING:
        return False
    match change.kind:
        case Kind.CHECKOUT:
            return True
        case Kind.KBUILD | Kind.JOB:
            is_ours = True
        case Kind.PROCESS:
            is_ours = change.name in config.tests  # else it is another service's
        case Kind.TEST | Kind.REGRESSION:
            is_ours = False
    # what follows from a planned node was created before it was marked as planned
    return is_ours and not change.data.get("planned")


def batched(items: list[T], size: int) -> Iterator[list[T]]:
    """Cut a list into pieces of a size."""
    for start in range(0, len(items), size):
        yield items[start : start + size]

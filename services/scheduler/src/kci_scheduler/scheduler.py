# SPDX-License-Identifier: LGPL-2.1-or-later
"""From an event to the builds and jobs that follow."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import TypeVar

from kci_scheduler.builds import BuildPlan, plan_builds
from kci_scheduler.clock import utc_now
from kci_scheduler.closing import Closing
from kci_scheduler.family import Family
from kci_scheduler.plan import Plan, followers, needs_others, tests_around
from kci_scheduler.rules import Run
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

AT_ONCE = 1000
"""How many nodes the API creates in one call."""
KEYS = 50
"""How many keys an address can name."""
COMMIT = "data.kernel_revision.commit"


class Scheduler:
    """Creates what follows from a node, and notes on the node that it did.

    A node is planned once: what its end asks for is then there, and stays as it is,
    even if the event comes again after the configuration has changed.
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
        """Plan what follows from a node that has come to something."""
        config = self._config()
        if not _matters(config, event.data):
            return
        node = await self._api.get(event.node_id)
        if node is None or node.treeid is None:
            return
        if isinstance(node, Checkout):
            await self._plan_checkout(config, node)
        elif isinstance(node, Run) and not node.data.planned:
            await self._plan_run(config, node)
        # Even if something follows: it may have come to its end while this call, or one
        # before it that was lost, was under way.
        await self._closing.close(node.treeid)

    async def _plan_checkout(self, config: Config, checkout: Checkout) -> None:
        """Create the builds of a checkout, and what else follows from its sources."""
        is_there = checkout.state is State.AVAILABLE and checkout.result is Result.PASS
        if not is_there or checkout.data.planned:
            return
        builds = await self._builds(config, checkout)
        jobs = await self._followers(config, checkout)
        await self._create_both(jobs, builds.wanted)
        if builds.is_complete:
            await self._api.update(checkout.id, data={"planned": True})
        log.info(
            "checkout planned",
            builds=len(builds.wanted),
            jobs=len(jobs),
            waits=not builds.is_complete,
        )

    async def _builds(self, config: Config, checkout: Checkout) -> BuildPlan:
        revision = checkout.data.kernel_revision
        if revision is None or TARBALL not in checkout.artifacts:
            return BuildPlan()
        kin = await self._api.find(kind=Kind.KBUILD, **{COMMIT: revision.commit})
        known = [node for node in kin if isinstance(node, Kbuild)]
        return plan_builds(config, checkout, known, self._now())

    async def _create_both(self, jobs: list[NewNode], builds: list[NewNode]) -> None:
        """Create jobs that are new, and builds that nobody else has begun."""
        try:
            for some in batched([*jobs, *builds], AT_ONCE):
                await self._api.create_many(some)
        except Conflict:
            await self._create(jobs)
            try:
                for some in batched(builds, AT_ONCE):
                    await self._api.create_many(some)
            except Conflict as error:
                # another checkout, or another replica's configuration, was faster
                raise NotYet(f"builds to look at once more: {error}") from error

    async def _plan_run(self, config: Config, node: Run) -> None:
        """Create what follows from a run, and note that it is there."""
        wanted = await self._followers(config, node)
        await self._create(wanted)
        if not is_settled(node):
            return  # its log is yet to be read: there will be another event
        if isinstance(node, Kbuild) and node.data.identity:
            await self._hand_on(config, node)
        await self._api.update(node.id, data={"planned": True})
        if wanted:
            log.info("jobs planned", jobs=len(wanted))

    async def _hand_on(self, config: Config, build: Kbuild) -> None:
        """Plan for other checkouts of the same sources, which may wait for a build."""
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
        """Fetch as much of the node's tree as planning takes."""
        if needs_others(config, node):
            return await self._tree(config, node)
        line = [node]
        if followers(config, node):
            while (parent := await self._parent(line[-1])) is not None:
                line.append(parent)
        return line

    async def _tree(self, config: Config, node: Node) -> list[Node]:
        """Fetch what may be needed besides a node, and what is above that."""
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

    async def _create(self, wanted: list[NewNode]) -> None:
        """Create nodes; one that is there already stays, be it different now."""
        for some in batched(wanted, AT_ONCE):
            await self._create_some(some)

    async def _create_some(self, wanted: list[NewNode]) -> None:
        while wanted:
            try:
                await self._api.create_many(wanted)
            except Conflict:
                missing = await self._missing(wanted)
                if len(missing) == len(wanted):
                    raise
                wanted = missing
            else:
                return

    async def _missing(self, wanted: list[NewNode]) -> list[NewNode]:
        there: set[str | None] = set()
        for some in batched([new.idempotency_key or "" for new in wanted], KEYS):
            found = await self._api.find(idempotency_key__in=",".join(some))
            there.update(node.idempotency_key for node in found)
        return [new for new in wanted if new.idempotency_key not in there]


def _matters(config: Config, change: NodeChange) -> bool:
    """Say whether an event may bring anything about."""
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

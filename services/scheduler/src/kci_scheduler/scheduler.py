# SPDX-License-Identifier: LGPL-2.1-or-later
"""From an event to the jobs that follow."""

from typing import Any, Protocol

from kci_scheduler.closing import Closing
from kci_scheduler.family import Family
from kci_scheduler.plan import Plan, followers, needs_others
from kci_shared.config import Config
from kci_shared.errors import Conflict
from kci_shared.logging import get_logger
from kci_shared.models import (
    Event,
    Job,
    Kbuild,
    Kind,
    NewNode,
    Node,
    State,
    is_settled,
)

log = get_logger(__name__)

HEARD = (Kind.CHECKOUT, Kind.KBUILD, Kind.JOB)


class Nodes(Protocol):
    """What the scheduler asks of the API."""

    async def get(self, node_id: str) -> Node | None:
        """Return the node, or None."""
        ...

    async def find(self, **filters: Any) -> list[Node]:
        """Return all nodes that match."""
        ...

    async def create_many(self, nodes: list[NewNode]) -> list[Node]:
        """Create nodes that carry keys, all or none."""
        ...

    async def update(self, node_id: str, **changes: Any) -> Node:
        """Change fields of a node."""
        ...


class Scheduler:
    """Creates what follows from a node, and notes on the node that it did.

    A node is planned once: what its end asks for is then there, and stays as it is,
    even if the event comes again after the configuration has changed.
    """

    def __init__(self, config: Config, api: Nodes, closing: Closing) -> None:
        self._config = config
        self._api = api
        self._closing = closing

    async def on_event(self, event: Event) -> None:
        """Plan what follows from a node that has come to something."""
        if event.data.kind not in HEARD or event.data.state is State.RUNNING:
            return
        node = await self._api.get(event.node_id)
        if isinstance(node, Kbuild | Job) and not node.data.planned:
            await self._create_followers(node)
            if not is_settled(node):
                return  # its log is yet to be read: there will be another event
            await self._api.update(node.id, data={"planned": True})
        if node is not None and node.treeid is not None:
            await self._closing.close(node.treeid)

    async def _create_followers(self, node: Node) -> None:
        plan = Plan(self._config, Family(await self._relatives(node)))
        if wanted := plan.after(node):
            await self._create(wanted)
            names = sorted({job.name for job in wanted})
            log.info("jobs planned", jobs=len(wanted), names=names)

    async def _relatives(self, node: Node) -> list[Node]:
        """Fetch as much of the node's tree as planning takes."""
        if needs_others(self._config, node):
            kinds = ",".join(HEARD)
            return await self._api.find(treeid=node.treeid, kind__in=kinds)
        line = [node]
        if followers(self._config, node):
            while (parent := await self._parent(line[-1])) is not None:
                line.append(parent)
        return line

    async def _parent(self, node: Node) -> Node | None:
        return await self._api.get(node.parent) if node.parent else None

    async def _create(self, wanted: list[NewNode]) -> None:
        """Create nodes; one that is there already stays, be it different now."""
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
        there = {
            child.idempotency_key
            for parent in {job.parent for job in wanted}
            for child in await self._api.find(parent=parent)
        }
        return [job for job in wanted if job.idempotency_key not in there]

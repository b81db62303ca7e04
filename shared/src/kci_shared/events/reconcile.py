# SPDX-License-Identifier: LGPL-2.1-or-later
"""Work left to a service without an event: found by a query."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial

from prometheus_client import Counter

from kci_shared.channels import all_up
from kci_shared.errors import ChannelDown, KciError
from kci_shared.events.lanes import Work
from kci_shared.logging import get_logger
from kci_shared.models import Event, Node, NodeChange, Op
from kci_shared.waiting import wait

log = get_logger(__name__)

Sweep = Callable[[], AsyncIterator[Node]]
"""Queries the nodes for which the service has something left to do.

It yields them in any order, and nothing when all is done. Its queries are indexed, and
bounded in pages and time. The service's handler is called with `event_of` each node.
"""

PAUSE_S = 1.0
"""Before a sweep that a channel has interrupted is made again."""
AT_ONCE = 16
"""How many nodes of a sweep are handled side by side."""

SWEEPS = Counter("kci_sweeps_total", "Sweeps for work without an event", ["outcome"])
SWEPT = Counter("kci_swept_nodes_total", "Nodes that a sweep handled", ["outcome"])


def event_of(node: Node) -> Event:
    """Return an event as if the node had just reached its present state and result."""
    fields = node.model_dump(include=set(NodeChange.model_fields) - {"op"})
    return Event(
        id=f"{node.id}-{node.version}",
        time=node.updated,
        owner=node.owner,
        data=NodeChange(op=Op.UPDATED, **fields),
    )


class Reconciliation:
    """Runs a service's sweep at start, every few minutes, and on request."""

    def __init__(
        self,
        sweep: Sweep,
        handler: Callable[[Event], Awaitable[None]],
        do: Callable[[str, Work], Awaitable[None]],
        every_s: float,
    ) -> None:
        self._sweep = sweep
        self._handler = handler
        self._do = do
        """Runs work in order with other work of its tree, and waits for its end."""
        self._every_s = every_s
        self._requested = asyncio.Event()

    def request(self) -> None:
        """Let the next sweep begin at once."""
        self._requested.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Sweep again and again until `stop` is set."""
        while not stop.is_set():
            await all_up(stop)
            self._requested.clear()
            await self._sweep_once(stop)
            await self._rest(stop)

    async def _rest(self, stop: asyncio.Event) -> None:
        stopped = asyncio.create_task(stop.wait())
        requested = asyncio.create_task(self._requested.wait())
        try:
            await asyncio.wait(
                [stopped, requested],
                timeout=self._every_s,
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            stopped.cancel()
            requested.cancel()

    async def _sweep_once(self, stop: asyncio.Event) -> None:
        try:
            nodes: list[Node] = []
            async for node in self._sweep():
                nodes.append(node)
                if stop.is_set():
                    return
                if len(nodes) >= AT_ONCE:
                    await self._handle_all(nodes)
                    nodes = []
            await self._handle_all(nodes)
        except ChannelDown as error:
            SWEEPS.labels("failed").inc()
            log.warning("sweep put off", reason=str(error))
            self.request()
            await wait(stop, PAUSE_S)
        except KciError as error:
            SWEEPS.labels("failed").inc()
            log.warning("sweep failed", reason=str(error))
        except Exception:
            SWEEPS.labels("failed").inc()
            log.exception("sweep failed")
        else:
            SWEEPS.labels("done").inc()

    async def _handle_all(self, nodes: list[Node]) -> None:
        await asyncio.gather(
            *(
                self._do(node.treeid or node.id, partial(self._handle, node))
                for node in nodes
            )
        )

    async def _handle(self, node: Node) -> None:
        try:
            await self._handler(event_of(node))
        except ChannelDown as error:
            SWEPT.labels("failed").inc()
            log.info("swept node put off", node_id=node.id, reason=str(error))
            self.request()
        except KciError as error:
            SWEPT.labels("failed").inc()
            log.warning("swept node kept", node_id=node.id, reason=str(error))
        except Exception:
            SWEPT.labels("failed").inc()
            log.exception("handler crashed on a swept node")
        else:
            SWEPT.labels("done").inc()

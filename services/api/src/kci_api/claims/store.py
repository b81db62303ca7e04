# SPDX-License-Identifier: LGPL-2.1-or-later
"""Claims in MongoDB: each is one conditional update, and makes earlier tokens void."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import datetime
from typing import Protocol

from kci_api.callers.rules import Caller
from kci_api.claims.rules import (
    BY_PRIORITY_THEN_AGE,
    adopted,
    claimable,
    claimed,
    expiry,
    is_repeated,
    released,
    reported,
    with_data,
)
from kci_api.nodes.permissions import may_edit, may_run, require
from kci_api.nodes.plans import Change, Plan, with_event
from kci_api.nodes.rules import claim_lost
from kci_api.nodes.store import NodeStore
from kci_api.nodes.stored import StoredNode
from kci_api.nodes.trees import TreePlanner
from kci_api.times import now
from kci_shared.models import Adoption, ClaimRequest, Grant, Release, Renewal, Report

RECHECK_S = 5.0
"""How often a waiting request queries without an event: leases expire silently."""
EXTRA_CANDIDATES = 8
"""How many more nodes than requested are read: others claim some of them meanwhile."""
MAX_ROUNDS = 50
"""How often a request reads new candidates after others claimed all of them."""


class Events(Protocol):
    """Where a waiting request learns that some node changed."""

    @property
    def closed(self) -> bool:
        """Whether the API stops, so that no more events come."""

    async def next_event(self, timeout: float) -> None:
        """Return after the next event, or after `timeout` seconds."""


class ClaimStore:
    """Assigns nodes to runtimes, and records how their runs end."""

    def __init__(self, nodes: NodeStore, events: Events) -> None:
        self._nodes = nodes
        self._events = events

    async def claim(
        self,
        caller: Caller,
        request: ClaimRequest,
        disconnected: Callable[[], Awaitable[bool]],
    ) -> list[StoredNode]:
        """Claim nodes for the caller; wait up to `request.wait` seconds for the first.

        Return nothing to a caller that has disconnected: nobody would run the nodes.
        """
        require(may_run(caller, request.runtime))
        end = time.monotonic() + request.wait
        while True:
            rest = 0 if self._events.closed else max(0, end - time.monotonic())
            # wait for events before the query, else one between the two is missed
            event = asyncio.ensure_future(self._events.next_event(min(rest, RECHECK_S)))
            try:
                granted = await self._claim_available(caller, request)
                if granted or not rest:
                    return granted
                await event
            finally:
                event.cancel()
            if await disconnected():
                return []

    async def _claim_available(
        self, caller: Caller, request: ClaimRequest
    ) -> list[StoredNode]:
        for _ in range(MAX_ROUNDS):
            at = now()
            candidates = await self._nodes.find_first(
                claimable(request, at),
                BY_PRIORITY_THEN_AGE,
                request.max + EXTRA_CANDIDATES,
            )
            changes = (claimed(one, caller, request.lease, at) for one in candidates)
            granted = await self._write_first(caller, changes, request.max)
            if granted or not candidates:
                return granted
        return []

    async def _write_first(
        self, caller: Caller, changes: Iterator[Change], limit: int
    ) -> list[StoredNode]:
        """Write changes, each on its own, until `limit` of them succeeded."""
        written: list[StoredNode] = []
        for change in changes:
            if await self._nodes.write(caller.name, Plan([], updates=[change])):
                written.append(change.after)
            if len(written) == limit:
                break
        return written

    async def renew(self, caller: Caller, node_id: str, request: Renewal) -> Grant:
        """Extend a lease, add data to the node, or both.

        Raise `Conflict` if the claim is lost.
        """
        if request.data:
            await self._add_data(caller, node_id, request)
        if request.lease is not None:
            claim = {"fence": request.token, "claim.holder": caller.name}
            expires = expiry(now(), request.lease)
            if not await self._nodes.renew_lease(node_id, claim, expires):
                raise claim_lost(await self._nodes.read(node_id))
        node = await self._nodes.read(node_id)
        if node.claim is None or node.fence != request.token:
            raise claim_lost(node)
        return grant(node)

    async def _add_data(self, caller: Caller, node_id: str, request: Renewal) -> None:
        await self._edit(
            caller,
            node_id,
            lambda node, at: with_data(node, request.token, request.data, at),
        )

    async def adopt(
        self, caller: Caller, node_id: str, request: Adoption
    ) -> StoredNode:
        """Return a node to the runtime that held it before its bridge restarted."""
        require(may_run(caller, request.runtime))

        async def plan() -> Plan:
            node = await self._nodes.read(node_id)
            change = adopted(node, caller, request, now())
            return Plan([change.after], updates=[change])

        (node,) = await self._nodes.apply(caller.name, plan)
        return node

    async def release(
        self, caller: Caller, node_id: str, request: Release
    ) -> StoredNode:
        """Make a node claimable again at once; this attempt does not count."""
        return await self._edit(
            caller, node_id, lambda node, at: released(node, request, at)
        )

    async def report(self, caller: Caller, node_id: str, report: Report) -> StoredNode:
        """End a node: outcome, tests and artifacts, all or nothing."""

        async def plan() -> Plan:
            node = await self._nodes.read(node_id)
            require(may_edit(caller, node))
            at = now()
            after = reported(node, report, at)
            if is_repeated(node, report):
                return Plan([node])
            descendants = await self._nodes.find_by("ancestors", [node.id])
            planner = TreePlanner(caller, descendants, at)
            return planner.plan(node, after, report.child_nodes)

        return (await self._nodes.apply(caller.name, plan))[0]

    async def _edit(
        self,
        caller: Caller,
        node_id: str,
        edit: Callable[[StoredNode, datetime], StoredNode],
    ) -> StoredNode:
        async def plan() -> Plan:
            node = await self._nodes.read(node_id)
            require(may_edit(caller, node))
            after = edit(node, now())
            require(may_edit(caller, after))
            updates = [] if after is node else [with_event(node, after)]
            return Plan([after], updates=updates)

        (node,) = await self._nodes.apply(caller.name, plan)
        return node


def grant(node: StoredNode) -> Grant:
    """Return what the holder of a node's claim gets to know."""
    assert node.claim is not None
    return Grant(
        token=node.fence, expires=node.claim.expires, attempt=node.claim.attempt
    )

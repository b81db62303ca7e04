# SPDX-License-Identifier: LGPL-2.1-or-later
"""Claims: each is one conditional update, and its token outdates all earlier ones."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import datetime
from typing import Protocol

from kci_api.callers.rules import Caller
from kci_api.claims.rules import (
    BY_PRIORITY_THEN_AGE,
    adopted,
    claimed,
    expiry,
    is_repeated,
    noted,
    released,
    reported,
    waiting,
)
from kci_api.nodes.permissions import may_edit, may_run, require
from kci_api.nodes.plans import Change, Plan, told
from kci_api.nodes.rules import lost
from kci_api.nodes.store import NodeStore
from kci_api.nodes.stored import StoredNode
from kci_api.nodes.trees import TreePlanner
from kci_api.times import now
from kci_shared.models import Adoption, ClaimRequest, Grant, Release, Renewal, Report

LOOK_AGAIN_S = 5.0
"""How often a waiting request looks, event or not: leases run out in silence."""
SPARE = 8
"""How many more candidates are read than asked for: others take some of them."""
ROUNDS = 50
"""How often a request looks for others when all its candidates were taken."""


class Broadcast(Protocol):
    """Where a waiting request hears that something happened."""

    @property
    def closed(self) -> bool:
        """Whether nothing more will be heard, for the API stops."""

    async def changed(self, timeout: float) -> None:
        """Return when some node changed, or after `timeout` seconds."""


class ClaimStore:
    """Hands out nodes that wait for a runtime, and hears how their runs end."""

    def __init__(self, nodes: NodeStore, broadcast: Broadcast) -> None:
        self._nodes = nodes
        self._broadcast = broadcast

    async def claim(
        self, caller: Caller, wanted: ClaimRequest, gone: Callable[[], Awaitable[bool]]
    ) -> list[StoredNode]:
        """Return nodes that are the caller's now; wait for one if there is none."""
        require(may_run(caller, wanted.runtime))
        end = time.monotonic() + wanted.wait
        while True:
            rest = 0 if self._broadcast.closed else max(0, end - time.monotonic())
            # listen before looking: what comes meanwhile is not slept through
            heard = asyncio.ensure_future(
                self._broadcast.changed(min(rest, LOOK_AGAIN_S))
            )
            try:
                granted = await self._take(caller, wanted)
                if granted or not rest:
                    return granted
                await heard
            finally:
                heard.cancel()
            if await gone():
                return []  # nobody is there to run what would come

    async def _take(self, caller: Caller, wanted: ClaimRequest) -> list[StoredNode]:
        for _ in range(ROUNDS):
            at = now()
            candidates = await self._nodes.first(
                waiting(wanted, at), BY_PRIORITY_THEN_AGE, wanted.max + SPARE
            )
            changes = (claimed(one, caller, wanted.lease, at) for one in candidates)
            taken = await self._first_written(caller, changes, wanted.max)
            if taken or not candidates:
                return taken
        return []

    async def _first_written(
        self, caller: Caller, changes: Iterator[Change], most: int
    ) -> list[StoredNode]:
        """Write changes in their order until enough succeeded."""
        written: list[StoredNode] = []
        for change in changes:
            if await self._nodes.write(caller.name, Plan([], changed=[change])):
                written.append(change.after)
            if len(written) == most:
                break
        return written

    async def renew(self, caller: Caller, node_id: str, asked: Renewal) -> Grant:
        """Prolong a lease, note the lab's own facts, or both."""
        if asked.data:
            await self._note(caller, node_id, asked)
        if asked.lease is not None:
            expires = expiry(now(), asked.lease)
            held = await self._nodes.prolong(
                node_id, {"fence": asked.token, "claim.holder": caller.name}, expires
            )
            if not held:
                raise lost(await self._nodes.read(node_id))
        return grant(self._held(await self._nodes.read(node_id), asked.token))

    async def _note(self, caller: Caller, node_id: str, asked: Renewal) -> None:
        await self._edit(
            caller, node_id, lambda node, at: noted(node, asked.token, asked.data, at)
        )

    def _held(self, node: StoredNode, token: int) -> StoredNode:
        if node.claim is None or node.fence != token:
            raise lost(node)
        return node

    async def adopt(self, caller: Caller, node_id: str, asked: Adoption) -> StoredNode:
        """Give a node back to the runtime that held it before its bridge restarted."""
        require(may_run(caller, asked.runtime))

        async def plan() -> Plan:
            change = adopted(await self._nodes.read(node_id), caller, asked, now())
            return Plan([change.after], changed=[change])

        (node,) = await self._nodes.carry_out(caller.name, plan)
        return node

    async def release(self, caller: Caller, node_id: str, asked: Release) -> StoredNode:
        """Make a node claimable again at once, as if this claim had not been."""
        return await self._edit(
            caller, node_id, lambda node, at: released(node, asked, at)
        )

    async def report(self, caller: Caller, node_id: str, report: Report) -> StoredNode:
        """End a node: outcome, tests and artifacts in one step, or not at all."""

        async def plan() -> Plan:
            node = await self._nodes.read(node_id)
            require(may_edit(caller, node))
            at = now()
            after = reported(node, report, at)
            if is_repeated(node, report):
                return Plan([node])
            below = await self._nodes.among("ancestors", [node.id])
            planner = TreePlanner(caller, below, at)
            return planner.plan(node, after, report.child_nodes)

        return (await self._nodes.carry_out(caller.name, plan))[0]

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
            changed = [] if after is node else [told(node, after)]
            return Plan([after], changed=changed)

        (node,) = await self._nodes.carry_out(caller.name, plan)
        return node


def grant(node: StoredNode) -> Grant:
    """Return what the holder of a node knows of its claim."""
    assert node.claim is not None
    return Grant(
        token=node.fence, expires=node.claim.expires, attempt=node.claim.attempt
    )

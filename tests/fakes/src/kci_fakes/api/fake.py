# SPDX-License-Identifier: LGPL-2.1-or-later
"""The fake API's calls: those of `ApiClient`, with the same names and arguments."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kci_fakes.api.claims import Claims
from kci_fakes.api.imports import Imports
from kci_fakes.api.query import DEFAULT_LIMIT, PAGE, select
from kci_fakes.api.tree import Tree, utc_now
from kci_shared.errors import BadRequest, Conflict, NotFound, Unavailable
from kci_shared.models import (
    MOVES,
    ClaimedNode,
    ClaimRequest,
    Event,
    Grant,
    Imported,
    ImportedNode,
    Move,
    NewNode,
    Node,
    Regression,
    Report,
    ResultTree,
    RuntimeReport,
    StatusChange,
)

LOOK_AGAIN_S = 0.02
"""How often a waiting claim looks: leases run out without an event."""


@dataclass(frozen=True)
class Call:
    """One call of the API: which method, of which node, with what."""

    method: str
    node_id: str | None = None
    content: Any = None


class FakeApi:
    """The API in memory, and what may go wrong with it.

    With `away` every call raises `Unavailable`. `disturb` is called before each call:
    it may raise another error, or change nodes.
    """

    def __init__(
        self, now: Callable[[], datetime] = utc_now, owner: str = "test"
    ) -> None:
        self.tree = Tree(now, owner)
        self.claims = Claims(self.tree)
        self.away = False
        self.disturb: Callable[[Call], None] = lambda _: None
        self.calls: list[Call] = []
        self.reports: list[tuple[str, Report]] = []
        """What ended each claimed node, in the order of arrival."""
        self.notes: list[tuple[str, dict[str, Any]]] = []
        self.releases: list[tuple[str, str]] = []
        """Each node that was given back, with the reason."""
        self.runtimes: dict[str, list[RuntimeReport]] = {}
        self.imports = Imports(self.tree)
        self.scopes: list[str] = ["nodes:write"]

    @property
    def nodes(self) -> dict[str, Node]:
        """The nodes by id, in the order in which they were made."""
        return self.tree.nodes

    @property
    def imported(self) -> dict[str, ImportedNode]:
        """The nodes that were imported, by id."""
        return self.imports.nodes

    @property
    def events(self) -> list[Event]:
        """Every change so far, in its order."""
        return self.tree.events

    @property
    def writes(self) -> int:
        """How many changes there were."""
        return len(self.tree.events)

    def put(self, *nodes: Node) -> None:
        """Add nodes exactly as they are, without an event."""
        self.nodes.update({node.id: node for node in nodes})

    def add(self, new: NewNode) -> Node:
        """Create a node as a client does, without a call."""
        return self.tree.create(new)

    def change(self, node_id: str, **changes: Any) -> Node:
        """Change a node, whatever the rules are; maps are merged."""
        return self.tree.change(node_id, **changes)

    def one(self, **filters: Any) -> Node:
        """Return the only node that matches."""
        [node] = select(self.nodes.values(), filters)
        return node

    def take_away(self, node_id: str) -> None:
        """Void the token of a node's claim, as a later claim does."""
        self.claims.outdate(node_id)

    def count_calls(self, method: str) -> int:
        """Return how often a method was called."""
        return sum(call.method == method for call in self.calls)

    async def whoami(self) -> dict[str, Any]:
        """Tell whose token this is, and its scopes."""
        await self._reach("whoami")
        return {"username": "test", "scopes": self.scopes}

    async def get(self, node_id: str) -> Node | None:
        """Return the node, or None if it does not exist."""
        await self._reach("get", node_id)
        return self.nodes.get(node_id)

    async def find(self, **filters: Any) -> list[Node]:
        """Return all nodes that match; with `limit` or `sort` just that page."""
        await self._reach("find", content=filters)
        if "sort" in filters:
            filters = {"limit": DEFAULT_LIMIT, **filters}
        return select(self.nodes.values(), filters)

    async def past_events(self, after: int, limit: int) -> list[Event]:
        """Return up to `limit` past events after a position, in order."""
        await self._reach("past_events", content=after)
        later = [event for event in self.events if event.sequence > after]
        return later[:limit]

    async def count(self, **filters: Any) -> int:
        """Return how many nodes match."""
        await self._reach("count", content=filters)
        if extra := filters.keys() & set(PAGE):
            raise BadRequest(f"{', '.join(sorted(extra))}: not allowed for a count")
        return len(select(self.nodes.values(), filters))

    async def create(self, node: NewNode) -> Node:
        """Create a node; with an idempotency key once only, however often called."""
        await self._reach("create", node.parent, node)
        return self.tree.create(node)

    async def create_many(self, nodes: list[NewNode]) -> list[Node]:
        """Create nodes in one step, all or none; each must carry a key."""
        await self._reach("create_many", content=nodes)
        return self.tree.create_many(nodes)

    async def import_nodes(self, nodes: list[ImportedNode]) -> list[Imported]:
        """Import nodes of another system; tell what became of each."""
        await self._reach("import_nodes", content=nodes)
        return [self.imports.take(node) for node in nodes]

    async def update(
        self, node_id: str, *, if_version: int | None = None, **changes: Any
    ) -> Node:
        """Change fields of a node; maps are merged, None removes a key."""
        await self._reach("update", node_id, changes)
        node = self.tree.read(node_id)
        if if_version not in (None, node.version):
            raise Conflict(node.model_dump(mode="json"))
        return self.tree.patch(node, changes)

    async def put_tree(self, node_id: str, tree: ResultTree) -> list[Node]:
        """Store nodes below a node in one step; return all, the node itself first."""
        await self._reach("put_tree", node_id, tree)
        return self.tree.put(self.tree.read(node_id), tree)

    async def set_status(self, node_id: str, move: Move) -> Node:
        """Say how far one is with a regression."""
        await self._reach("set_status", node_id, move)
        node = self.tree.read(node_id)
        if not isinstance(node, Regression):
            raise NotFound(f"node {node_id} is a {node.kind}, not a regression")
        old = node.data.status
        if move.status is old:
            return node
        if move.status not in MOVES[old]:
            raise BadRequest(f"Transition not allowed with state: {move.status}")
        entry = StatusChange(
            at=self.tree.now().isoformat(timespec="milliseconds"),
            who=move.who or "test",
            old=old,
            new=move.status,
            reason=move.reason,
            message_id=move.message_id,
        )
        history = [*(node.data.history or []), entry]
        return self.tree.change(
            node_id, data={"status": move.status, "history": history}
        )

    async def claim(self, request: ClaimRequest) -> list[ClaimedNode]:
        """Claim waiting nodes of a runtime; empty when none came in time."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + request.wait
        while True:
            await self._reach("claim", content=request)
            if (claimed := self.claims.take(request)) or loop.time() >= deadline:
                return claimed
            await asyncio.sleep(LOOK_AGAIN_S)

    async def renew(self, node_id: str, token: int, lease: float) -> Grant:
        """Renew a claim for `lease` seconds from now."""
        await self._reach("renew", node_id)
        return self.claims.renew(node_id, token, lease)

    async def note(self, node_id: str, token: int, data: dict[str, Any]) -> Grant:
        """Write the lab's own facts, such as `job_id`, on a claimed node."""
        await self._reach("note", node_id, data)
        grant = self.claims.note(node_id, token, data)
        self.notes.append((node_id, data))
        return grant

    async def adopt(
        self, node_id: str, runtime: str, lease: float, attempt: int | None = None
    ) -> ClaimedNode:
        """Take a node back that this runtime held before its bridge restarted."""
        await self._reach("adopt", node_id)
        return self.claims.adopt(node_id, runtime, lease, attempt)

    async def release(self, node_id: str, token: int, reason: str) -> None:
        """Give a node back unfinished, so that it can be claimed again."""
        await self._reach("release", node_id, reason)
        self.claims.release(node_id, token)
        self.releases.append((node_id, reason))

    async def report(self, node_id: str, report: Report) -> Node:
        """End a claimed node: outcome, tests and artifacts in one step."""
        await self._reach("report", node_id, report)
        node = self.claims.report(node_id, report)
        self.reports.append((node_id, report))
        return node

    async def register(self, runtime: str, report: RuntimeReport) -> None:
        """Say what a runtime has and how it does."""
        await self._reach("register", content=report)
        self.runtimes.setdefault(runtime, []).append(report)

    async def _reach(
        self, method: str, node_id: str | None = None, content: Any = None
    ) -> None:
        """Yield to other tasks, as a network call does; raise what the test wants."""
        await asyncio.sleep(0)
        call = Call(method, node_id, content)
        self.calls.append(call)
        if self.away:
            raise Unavailable("ConnectError: the API is away")
        self.disturb(call)

# SPDX-License-Identifier: LGPL-2.1-or-later
"""Claims of the fake API: leases, fencing tokens, attempts, reports."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from kci_fakes.api.tree import Tree
from kci_shared.errors import Conflict
from kci_shared.models import (
    Claim,
    ClaimedNode,
    ClaimRequest,
    Grant,
    Kind,
    Node,
    Report,
    State,
)

CLAIMABLE = (Kind.CHECKOUT, Kind.KBUILD, Kind.JOB, Kind.PROCESS)
MOST_ATTEMPTS = 3
HOLDER = "bridge"


class Claims:
    """Who holds which node of a tree."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree

    def waiting(self, request: ClaimRequest) -> list[Node]:
        """Return the nodes that a request may be given: by priority, then by age."""
        nodes = [n for n in self._tree.nodes.values() if self._fits(n, request)]
        return sorted(nodes, key=lambda node: -(_field(node, "priority") or 0))

    def _fits(self, node: Node, request: ClaimRequest) -> bool:
        return (
            node.kind in CLAIMABLE
            and node.state is State.RUNNING
            and _field(node, "runtime") == request.runtime
            and _field(node, "platform") in request.platforms
            and self._tree.attempts.get(node.id, 0) < MOST_ATTEMPTS
            and (node.claim is None or node.claim.expires < self._tree.now())
        )

    def take(self, request: ClaimRequest) -> list[ClaimedNode]:
        """Claim what waits, up to the number that is asked for."""
        return [
            self._claim(node, request.lease)
            for node in self.waiting(request)[: request.max]
        ]

    def _claim(self, node: Node, lease: float) -> ClaimedNode:
        tree = self._tree
        attempt = tree.attempts.get(node.id, 0) + 1
        expires = tree.now() + timedelta(seconds=lease)
        tree.attempts[node.id] = attempt
        self.outdate(node.id)
        claim = Claim(holder=HOLDER, expires=expires, attempt=attempt)
        claimed = tree.change(node.id, claim=claim.model_dump())
        return ClaimedNode(node=claimed, claim=self.grant(claimed))

    def outdate(self, node_id: str) -> None:
        """Make the token of a node's claim void, as the next claim does."""
        self._tree.fences[node_id] = self._tree.fences.get(node_id, 0) + 1

    def grant(self, node: Node) -> Grant:
        """Return what the holder of a node knows."""
        assert node.claim is not None
        return Grant(
            token=self._tree.fences[node.id],
            expires=node.claim.expires,
            attempt=node.claim.attempt,
        )

    def held(self, node_id: str, token: int) -> Node:
        """Return a node that the caller holds; raise `Conflict` if it does not."""
        node = self._tree.read(node_id)
        if node.claim is None or self._tree.fences.get(node_id) != token:
            raise Conflict(
                f"the claim of node {node_id} is lost: stop the run and report nothing"
            )
        return node

    def renew(self, node_id: str, token: int, lease: float) -> Grant:
        """Renew a lease; that changes no version, and makes no event."""
        node = self.held(node_id, token)
        assert node.claim is not None
        expires = self._tree.now() + timedelta(seconds=lease)
        claim = node.claim.model_copy(update={"expires": expires})
        renewed = node.model_copy(update={"claim": claim})
        self._tree.nodes[node_id] = renewed
        return self.grant(renewed)

    def note(self, node_id: str, token: int, data: dict[str, Any]) -> Grant:
        """Write the lab's own facts on a node."""
        self.held(node_id, token)
        return self.grant(self._tree.merge(self._tree.read(node_id), {"data": data}))

    def adopt(
        self, node_id: str, runtime: str, lease: float, attempt: int | None
    ) -> ClaimedNode:
        """Give a node back to the runtime that held it: same attempt, new token."""
        node = self._tree.read(node_id)
        if _field(node, "runtime") != runtime:
            raise Conflict(f"node {node_id} belongs to another runtime than {runtime}")
        if node.claim is None:
            raise Conflict(f"node {node_id} is not held by {HOLDER}")
        if attempt not in (None, node.claim.attempt):
            raise Conflict(f"node {node_id} was claimed again since")
        self.outdate(node_id)
        expires = self._tree.now() + timedelta(seconds=lease)
        claim = node.claim.model_copy(update={"expires": expires})
        adopted = self._tree.change(node_id, claim=claim.model_dump())
        return ClaimedNode(node=adopted, claim=self.grant(adopted))

    def release(self, node_id: str, token: int) -> None:
        """Give a node back; the attempt does not count."""
        node = self._tree.read(node_id)
        is_free = node.claim is None and node.state is State.RUNNING
        if is_free and self._tree.fences.get(node_id) == token:
            return
        self.held(node_id, token)
        self._tree.attempts[node_id] -= 1
        self._tree.change(node_id, claim=None)

    def report(self, node_id: str, report: Report) -> Node:
        """End a node; the same report once more changes nothing."""
        node = self._tree.read(node_id)
        fence = self._tree.fences.get(node_id)
        is_over = node.claim is None and node.state is not State.RUNNING
        if is_over and fence == report.token:
            return node
        self.held(node_id, report.token)
        ended = self._tree.merge(node, dict(_ending(report)))
        self._tree.nodes[node_id] = ended.model_copy(update={"claim": None})
        # the holder itself ended it: its token stays valid for the same report
        self._tree.fences[node_id] = report.token
        self._tree.put_children(ended, report.child_nodes)
        return self._tree.nodes[node_id]


def _ending(report: Report) -> Iterator[tuple[str, Any]]:
    outcome = report.outcome
    yield "state", outcome.state
    yield "result", outcome.result
    errors = {"error_code": outcome.error_code, "error_msg": outcome.error_msg}
    yield "data", {**report.data, **errors}
    yield "artifacts", report.artifacts


def _field(node: Node, name: str) -> Any:
    return getattr(node.data, name, None)

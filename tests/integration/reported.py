# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a bridge has reported of the nodes that it ran."""

import asyncio

import httpx

from kci_shared.client import ApiClient
from kci_shared.models import Node, State

POLL_S = 0.2


class Reported:
    """Reads nodes, their tests and their logs."""

    def __init__(self, api: ApiClient) -> None:
        self.api = api

    async def done(self, node_id: str) -> Node:
        """Wait until a node is done."""
        while True:
            node = await self.api.get(node_id)
            assert node is not None
            if node.state is State.DONE:
                return node
            await asyncio.sleep(POLL_S)

    async def end(self, node_id: str) -> tuple[str | None, str | None]:
        """Wait until a node is done; return its result and its error code."""
        node = await self.done(node_id)
        return node.result, node.data.error_code

    async def tree(self, node_id: str) -> dict[str, str]:
        """Return the results of the tests below a job, by their paths."""
        results: dict[str, str] = {}
        level = {node_id: ""}
        while level:
            below = await self.api.find(parent__in=",".join(level))
            paths = {n.id: f"{level[n.parent or '']}/{n.name}" for n in below}
            results |= {paths[n.id].lstrip("/"): str(n.result) for n in below}
            level = paths
        return results

    async def log_of(self, node: Node, name: str = "log") -> str:
        """Return the text of an artifact."""
        async with httpx.AsyncClient(trust_env=False) as http:
            return (await http.get(node.artifacts[name])).text

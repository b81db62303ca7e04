# SPDX-License-Identifier: LGPL-2.1-or-later
"""The client of the API."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Self

import httpx
import stamina
from pydantic import BaseModel, TypeAdapter

from kci_shared.channels import About, ChannelClient, Sighting, TokenAuth
from kci_shared.errors import ApiError, ChannelDown, Unavailable
from kci_shared.models import (
    NODE,
    ClaimedNode,
    ClaimRequest,
    Event,
    Grant,
    Imported,
    ImportedNode,
    Move,
    NewNode,
    Node,
    Report,
    ResultTree,
    RuntimeReport,
)
from kci_shared.settings import ClientSettings

ERRORS = ApiError.by_status()
CLAIMED = TypeAdapter(list[ClaimedNode])
NODES = TypeAdapter(list[Node])
IMPORTED = TypeAdapter(list[Imported])
ATTEMPTS = 5
NODES_PER_PAGE = 200
"""How many nodes a query fetches in one call."""
MAX_PARALLEL = 20
"""How many calls run in parallel: httpx walks all waiting ones at each step."""


class ApiClient:
    """A method for each call of the API; raises the errors of `kci_shared.errors`.

    While the API, or our token, cannot be used, that is `ChannelDown`.

    Idempotent calls are retried while the API is unavailable. Creating a node is
    idempotent only with a key.
    """

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http
        self._turns = asyncio.Semaphore(MAX_PARALLEL)

    @classmethod
    @asynccontextmanager
    async def connect(cls, settings: ClientSettings) -> AsyncIterator[Self]:
        """Open a client with the URL and the token of the settings."""
        http = ChannelClient(
            About("api", url="KCI_API_URL", credentials=settings.token.setting),
            ("GET", "/latest/whoami"),
            base_url=settings.api_url,
            auth=TokenAuth(settings.token.read),
            timeout=httpx.Timeout(30, read=90),  # a long poll lasts up to 60 s
        )
        async with http, http.channel.opened():
            yield cls(http)

    async def whoami(self) -> dict[str, Any]:
        """Return the owner and the scopes of the token."""
        return dict(await self._repeat("GET", "/latest/whoami"))

    async def get(self, node_id: str) -> Node | None:
        """Return a node, or None if it does not exist."""
        node = await self._repeat("GET", f"/latest/node/{node_id}")
        return None if node is None else NODE.validate_python(node)

    async def find(self, **filters: Any) -> list[Node]:
        """Return all nodes that match `field__op=value` filters, oldest first.

        For a field with dots pass a dict: `find(**{"data.x": 1})`. With `limit` or
        `sort` only that page is returned.
        """
        if "limit" in filters or "sort" in filters:
            return await self._page(filters)
        nodes: list[Node] = []
        while True:
            page = await self._page(
                {**filters, "limit": NODES_PER_PAGE, "offset": len(nodes)}
            )
            nodes += page
            if len(page) < NODES_PER_PAGE:
                return nodes

    async def _page(self, filters: dict[str, Any]) -> list[Node]:
        params = {"limit": NODES_PER_PAGE, **filters}
        # unlike /latest/nodes it does not count all that match
        page = await self._repeat("GET", "/latest/nodes/fast", params=params)
        return NODES.validate_python(page)

    async def past_events(self, after: int, limit: int) -> list[Event]:
        """Return up to `limit` past events after a position, in order.

        The first one follows `after` immediately unless the history begins later.
        """
        params = {"from": after, "limit": limit}
        events = await self._repeat("GET", "/latest/events", params=params)
        return [
            Event(
                id=event["id"],
                time=event["timestamp"],
                data=event["data"],
                owner=event["owner"],
                sequence=event["sequence_id"],
            )
            for event in events
        ]

    async def count(self, **filters: Any) -> int:
        """Return how many nodes match."""
        return int(await self._repeat("GET", "/latest/count", params=filters))

    async def create(self, node: NewNode) -> Node:
        """Create a node; one that exists with the same idempotency key is returned."""
        call = self._repeat if node.idempotency_key else self._once
        return NODE.validate_python(
            await call("POST", "/latest/node", json=_body(node))
        )

    async def create_many(self, nodes: list[NewNode]) -> list[Node]:
        """Create nodes, all or none; each must have an idempotency key."""
        body = [_body(node) for node in nodes]
        return NODES.validate_python(
            await self._repeat("POST", "/latest/nodes", json=body)
        )

    async def import_nodes(self, nodes: list[ImportedNode]) -> list[Imported]:
        """Import nodes of another system; return the outcome for each."""
        body = [_body(node) for node in nodes]
        return IMPORTED.validate_python(
            await self._repeat("POST", "/latest/import", json=body)
        )

    async def update(
        self, node_id: str, *, if_version: int | None = None, **changes: Any
    ) -> Node:
        """Change fields of a node; maps are merged, None removes a key.

        With `if_version` only that version is changed, and `Conflict` raised otherwise.
        """
        headers = {} if if_version is None else {"If-Match": f'"{if_version}"'}
        call = self._once if if_version is not None else self._repeat
        url = f"/latest/node/{node_id}"
        return NODE.validate_python(
            await call("PATCH", url, json=changes, headers=headers)
        )

    async def put_tree(self, node_id: str, tree: ResultTree) -> list[Node]:
        """Store nodes below a node in one step; return all, the node itself first.

        What is there already, by kind and name, is changed, not created again.
        """
        return NODES.validate_python(
            await self._repeat("PUT", f"/latest/nodes/{node_id}", json=_body(tree))
        )

    async def set_status(self, node_id: str, move: Move) -> Node:
        """Change the status of a regression."""
        url = f"/latest/regression/{node_id}/status"
        return NODE.validate_python(await self._repeat("PUT", url, json=_body(move)))

    async def claim(self, request: ClaimRequest) -> list[ClaimedNode]:
        """Claim waiting nodes of a runtime; empty if none arrives in time."""
        # not counted as parallel: it may wait for a minute
        answer = await self._send("POST", "/latest/claims", json=_body(request))
        return CLAIMED.validate_python(answer or [])

    async def renew(self, node_id: str, token: int, lease: float) -> Grant:
        """Extend a claim to `lease` seconds from now."""
        body = {"token": token, "lease": lease}
        url = f"/latest/claims/{node_id}"
        return Grant.model_validate(await self._repeat("PUT", url, json=body))

    async def note(self, node_id: str, token: int, data: dict[str, Any]) -> Grant:
        """Write facts of the lab, such as `job_id`, into a claimed node's `data`."""
        body = {"token": token, "data": data}
        url = f"/latest/claims/{node_id}"
        return Grant.model_validate(await self._repeat("PUT", url, json=body))

    async def adopt(
        self, node_id: str, runtime: str, lease: float, attempt: int | None = None
    ) -> ClaimedNode:
        """Take back a node that this runtime held before its bridge restarted.

        With `attempt` only that attempt: `Conflict` if the node was claimed since.
        """
        body = {"runtime": runtime, "lease": lease, "attempt": attempt}
        url = f"/latest/claims/{node_id}/adopt"
        return ClaimedNode.model_validate(await self._once("POST", url, json=body))

    async def release(self, node_id: str, token: int, reason: str) -> None:
        """Give a node back unfinished, for others to claim."""
        body = {"token": token, "reason": reason}
        await self._repeat("POST", f"/latest/claims/{node_id}/release", json=body)

    async def report(self, node_id: str, report: Report) -> Node:
        """End a claimed node with its outcome, tests and artifacts."""
        url = f"/latest/claims/{node_id}/result"
        return NODE.validate_python(await self._repeat("POST", url, json=_body(report)))

    async def register(self, runtime: str, report: RuntimeReport) -> None:
        """Register platforms and health.

        Not retried: the next report follows within a minute.
        """
        await self._once("PUT", f"/latest/runtimes/{runtime}", json=_body(report))

    async def _repeat(self, method: str, url: str, **request: Any) -> Any:
        """Send an idempotent request, again while the API is unavailable."""
        async for attempt in stamina.retry_context(
            on=_may_pass, attempts=ATTEMPTS, wait_max=5.0
        ):
            with attempt:
                return await self._once(method, url, **request)
        raise AssertionError("unreachable: the last attempt returns or raises")

    async def _once(self, method: str, url: str, **request: Any) -> Any:
        """Send a request once, when it is its turn; see `_send`."""
        async with self._turns:
            return await self._send(method, url, **request)

    async def _send(self, method: str, url: str, **request: Any) -> Any:
        """Send a request; return the JSON of its answer, or raise its error."""
        try:
            answer = await self._http.request(method, url, **request)
        except httpx.TransportError as error:
            raise Unavailable(f"{type(error).__name__}: {error}") from error
        if answer.status_code == httpx.codes.NO_CONTENT:
            return None
        if answer.is_success:
            return self._json(answer)
        raise ERRORS.get(answer.status_code, _unknown(answer))(_detail(answer))

    def _json(self, answer: httpx.Response) -> Any:
        try:
            return answer.json()
        except ValueError as error:
            if isinstance(self._http, ChannelClient):
                raise self._http.not_json(answer) from error
            raise Unavailable(f"not JSON: {answer.text[:200]}") from error


def _may_pass(error: Exception) -> bool:
    """Whether a fault may be over within seconds, as when the API is started anew."""
    if isinstance(error, ChannelDown):
        return error.seen == Sighting.NO_CONNECTION
    return isinstance(error, Unavailable)


def _unknown(answer: httpx.Response) -> type[ApiError]:
    return Unavailable if answer.is_server_error else ApiError


def _detail(answer: httpx.Response) -> Any:
    try:
        content = answer.json()
    except ValueError:
        return f"HTTP {answer.status_code}: {answer.text[:200]}"
    return content.get("detail", content) if isinstance(content, dict) else content


def _body(model: BaseModel) -> dict[str, Any]:
    return model.model_dump(mode="json", exclude_unset=True)

# SPDX-License-Identifier: LGPL-2.1-or-later
"""The API, as its clients see it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Self

import httpx
import stamina
from pydantic import BaseModel, TypeAdapter

from kci_shared.errors import ApiError, Unavailable
from kci_shared.models import (
    NODE,
    ClaimedNode,
    ClaimRequest,
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
PAGE = 200
"""How many nodes a query fetches at once."""
AT_ONCE = 20
"""How many calls are under way: httpx looks through all that wait at each step."""


class ApiClient:
    """The API's calls, each one method; raises the errors of `kci_shared.errors`.

    A call that may be repeated without harm is repeated when the API is away for a
    moment. Creating a node is such a call if, and only if, it carries a key.
    """

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http
        self._turns = asyncio.Semaphore(AT_ONCE)

    @classmethod
    @asynccontextmanager
    async def connect(cls, settings: ClientSettings) -> AsyncIterator[Self]:
        """Open the API that the settings name, with the token that they hold."""
        async with httpx.AsyncClient(
            base_url=settings.api_url,
            headers={"Authorization": f"Bearer {settings.token.read()}"},
            timeout=httpx.Timeout(30, read=90),  # a long poll lasts up to 60 s
        ) as http:
            yield cls(http)

    async def whoami(self) -> dict[str, Any]:
        """Tell whose token this is, and its scopes."""
        return dict(await self._repeat("GET", "/latest/whoami"))

    async def get(self, node_id: str) -> Node | None:
        """Return the node, or None when there is none."""
        found = await self._repeat("GET", f"/latest/node/{node_id}")
        return None if found is None else NODE.validate_python(found)

    async def find(self, **filters: Any) -> list[Node]:
        """Return all nodes that match `field__op=value` filters, oldest first.

        Dots in a field's name are written by passing a dict: `find(**{"data.x": 1})`.
        With `limit` or `sort` the caller gets just that page.
        """
        if "limit" in filters or "sort" in filters:
            return await self._page(filters)
        nodes: list[Node] = []
        while True:
            page = await self._page({**filters, "limit": PAGE, "offset": len(nodes)})
            nodes += page
            if len(page) < PAGE:
                return nodes

    async def _page(self, filters: dict[str, Any]) -> list[Node]:
        found = await self._repeat("GET", "/latest/nodes", params=filters)
        return NODES.validate_python(found["items"])

    async def count(self, **filters: Any) -> int:
        """Return how many nodes match."""
        return int(await self._repeat("GET", "/latest/count", params=filters))

    async def create(self, node: NewNode) -> Node:
        """Create a node; with an idempotency key once only, however often called."""
        call = self._repeat if node.idempotency_key else self._once
        return NODE.validate_python(
            await call("POST", "/latest/node", json=_body(node))
        )

    async def create_many(self, nodes: list[NewNode]) -> list[Node]:
        """Create nodes in one step, all or none; each must carry a key."""
        body = [_body(node) for node in nodes]
        return NODES.validate_python(
            await self._repeat("POST", "/latest/nodes", json=body)
        )

    async def bring(self, nodes: list[ImportedNode]) -> list[Imported]:
        """Import nodes of another system; tell what became of each."""
        body = [_body(node) for node in nodes]
        return IMPORTED.validate_python(
            await self._repeat("POST", "/latest/import", json=body)
        )

    async def update(
        self, node_id: str, *, if_version: int | None = None, **changes: Any
    ) -> Node:
        """Change fields of a node; maps are merged, None removes a key.

        With `if_version` the change is made only to that version of the node, and
        `Conflict` raised otherwise.
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

    async def move(self, node_id: str, move: Move) -> Node:
        """Say how far one is with a regression."""
        url = f"/latest/regression/{node_id}/status"
        return NODE.validate_python(await self._repeat("PUT", url, json=_body(move)))

    async def claim(self, wanted: ClaimRequest) -> list[ClaimedNode]:
        """Claim waiting nodes of a runtime; empty when none came in time."""
        # it waits long, and only one does: the others need not wait for it
        answer = await self._send("POST", "/latest/claims", json=_body(wanted))
        return CLAIMED.validate_python(answer or [])

    async def renew(self, node_id: str, token: int, lease: float) -> Grant:
        """Prolong a claim by `lease` seconds from now."""
        body = {"token": token, "lease": lease}
        url = f"/latest/claims/{node_id}"
        return Grant.model_validate(await self._repeat("PUT", url, json=body))

    async def note(self, node_id: str, token: int, data: dict[str, Any]) -> Grant:
        """Write the lab's own facts, such as `job_id`, on a claimed node."""
        body = {"token": token, "data": data}
        url = f"/latest/claims/{node_id}"
        return Grant.model_validate(await self._repeat("PUT", url, json=body))

    async def adopt(
        self, node_id: str, runtime: str, lease: float, attempt: int | None = None
    ) -> ClaimedNode:
        """Take a node back that this runtime held before its bridge restarted.

        With `attempt` only that one: `Conflict` if the node was claimed since.
        """
        body = {"runtime": runtime, "lease": lease, "attempt": attempt}
        url = f"/latest/claims/{node_id}/adopt"
        return ClaimedNode.model_validate(await self._once("POST", url, json=body))

    async def release(self, node_id: str, token: int, reason: str) -> None:
        """Give a node back unfinished, for whoever claims it next."""
        body = {"token": token, "reason": reason}
        await self._repeat("POST", f"/latest/claims/{node_id}/release", json=body)

    async def report(self, node_id: str, report: Report) -> Node:
        """End a claimed node: outcome, tests and artifacts in one step."""
        url = f"/latest/claims/{node_id}/result"
        return NODE.validate_python(await self._repeat("POST", url, json=_body(report)))

    async def register(self, runtime: str, report: RuntimeReport) -> None:
        """Say what a runtime has and how it does; once, for it is said every minute."""
        await self._once("PUT", f"/latest/runtimes/{runtime}", json=_body(report))

    async def _repeat(self, method: str, url: str, **request: Any) -> Any:
        """Send a request that may arrive twice, until it has an answer."""
        async for attempt in stamina.retry_context(
            on=Unavailable, attempts=ATTEMPTS, wait_max=5.0
        ):
            with attempt:
                return await self._once(method, url, **request)
        raise AssertionError("unreachable: the last attempt returns or raises")

    async def _once(self, method: str, url: str, **request: Any) -> Any:
        """Send a request once, in its turn; see `_send`."""
        async with self._turns:
            return await self._send(method, url, **request)

    async def _send(self, method: str, url: str, **request: Any) -> Any:
        """Send a request; return its JSON answer, or raise what it means."""
        try:
            answer = await self._http.request(method, url, **request)
        except httpx.TransportError as error:
            raise Unavailable(f"{type(error).__name__}: {error}") from error
        if answer.is_success:
            return (
                None if answer.status_code == httpx.codes.NO_CONTENT else answer.json()
            )
        raise ERRORS.get(answer.status_code, _unknown(answer))(_detail(answer))


def _unknown(answer: httpx.Response) -> type[ApiError]:
    return Unavailable if answer.is_server_error else ApiError


def _detail(answer: httpx.Response) -> Any:
    try:
        said = answer.json()
    except ValueError:
        return f"HTTP {answer.status_code}: {answer.text[:200]}"
    return said.get("detail", said) if isinstance(said, dict) else said


def _body(model: BaseModel) -> dict[str, Any]:
    return model.model_dump(mode="json", exclude_unset=True)

# SPDX-License-Identifier: LGPL-2.1-or-later
"""A client of another server, which may be slow, and whose lists have no order."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Self

import httpx
import stamina

from kci_shared.errors import ApiError, Unavailable

ATTEMPTS = 8
RETRY_S = 0.5
"""Wait before the first retry; it grows up to `RETRY_MAX_FACTOR` times."""
RETRY_MAX_FACTOR = 60
MILLISECOND = timedelta(milliseconds=1)

NodeJson = dict[str, Any]
"""A node as the server returns it, not validated."""


@dataclass(frozen=True)
class Window:
    """A span of time, without its end."""

    start: datetime
    end: datetime

    def filters(self) -> dict[str, str]:
        """Return the query for nodes created in it; the server wants naive times."""
        return {
            "created__gte": _naive(self.start),
            "created__lt": _naive(self.end),
        }

    def halves(self) -> tuple["Window", "Window"] | None:
        """Return its two halves, the earlier first; None if it is one millisecond."""
        half = (self.end - self.start) // 2
        middle = self.start + half // MILLISECOND * MILLISECOND
        if middle <= self.start:
            return None
        return Window(self.start, middle), Window(middle, self.end)


@dataclass(frozen=True)
class Page:
    """Some of the nodes that match a query."""

    items: list[NodeJson]
    total: int
    """Number of all nodes that match."""


class Peer:
    """The server's calls; each is retried while the server is unavailable."""

    page_size = 1000

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    @classmethod
    @asynccontextmanager
    async def connect(cls, url: str) -> AsyncIterator[Self]:
        """Open a server; no token is needed, as its nodes are public."""
        base = f"{url.rstrip('/')}/latest/"
        timeout = httpx.Timeout(30, read=120)  # it scans its whole collection
        async with httpx.AsyncClient(base_url=base, timeout=timeout) as http:
            yield cls(http)

    async def count(self, window: Window) -> int:
        """Return how many nodes were created in a span of time."""
        return int(await self._get("count", window.filters()))

    async def page(self, window: Window, offset: int) -> Page:
        """Return a page of the nodes that were created in a span of time."""
        query = {**window.filters(), "limit": str(self.page_size)}
        answer = await self._get("nodes", {**query, "offset": str(offset)})
        return Page(answer["items"], int(answer["total"]))

    async def node(self, node_id: str) -> NodeJson | None:
        """Return a node, or None if it does not exist."""
        node: NodeJson | None = await self._get(f"node/{node_id}", {})
        return node

    async def _get(self, path: str, query: dict[str, str]) -> Any:
        async for attempt in stamina.retry_context(
            on=Unavailable,
            attempts=ATTEMPTS,
            timeout=None,
            wait_initial=RETRY_S,
            wait_max=RETRY_MAX_FACTOR * RETRY_S,
        ):
            with attempt:
                return await self._once(path, query)
        raise AssertionError("unreachable: the last attempt returns or raises")

    async def _once(self, path: str, query: dict[str, str]) -> Any:
        """Send a request; return the JSON answer, or raise what the answer means."""
        try:
            answer = await self._http.get(path, params=query)
            answer.raise_for_status()
            return answer.json()
        except httpx.HTTPStatusError as error:
            status, text = error.response.status_code, error.response.text[:200]
            kind = Unavailable if error.response.is_server_error else ApiError
            raise kind(f"peer answers {status} to {path}: {text}") from error
        except (httpx.TransportError, ValueError) as error:
            message = f"invalid answer from the peer: {type(error).__name__}: {error}"
            raise Unavailable(message) from error


def _naive(time: datetime) -> str:
    return time.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds")

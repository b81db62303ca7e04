# SPDX-License-Identifier: LGPL-2.1-or-later
"""A server of the same contract, of whose answers little is promised."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

import httpx
import stamina

from kci_shared.errors import ApiError, Unavailable

ATTEMPTS = 8
WAIT_S = 0.5
"""Before the first repetition; then longer and longer."""
PAGE = 1000
"""How many nodes one answer may have."""


@dataclass(frozen=True)
class Window:
    """A span of time, its end not in it."""

    start: datetime
    end: datetime

    def filters(self) -> dict[str, str]:
        """Ask for what was created in it; the peer takes times without an offset."""
        start, end = (_naive(one) for one in (self.start, self.end))
        return {"created__gte": start, "created__lt": end}

    def halves(self) -> tuple["Window", "Window"] | None:
        """Return its two halves, the earlier first; None if it is a millisecond."""
        span = (self.end - self.start) // 2
        middle = self.start + span.__class__(milliseconds=span // MILLISECOND)
        if middle <= self.start:
            return None
        return Window(self.start, middle), Window(middle, self.end)


MILLISECOND = datetime.resolution * 1000


@dataclass(frozen=True)
class Page:
    """Some of the nodes that match, and how many there are of them."""

    items: list[dict[str, Any]]
    total: int


class Peer:
    """The questions that an import asks; each may be asked again."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    @classmethod
    @asynccontextmanager
    async def connect(cls, url: str) -> AsyncIterator[Self]:
        """Open a server; all that is asked of it is public."""
        base = f"{url.rstrip('/')}/latest/"
        timeout = httpx.Timeout(30, read=120)  # it scans its whole collection
        async with httpx.AsyncClient(base_url=base, timeout=timeout) as http:
            yield cls(http)

    async def count(self, window: Window) -> int:
        """Tell how many nodes were created in a span of time."""
        return int(await self._get("count", window.filters()))

    async def page(self, window: Window, offset: int) -> Page:
        """Return some of the nodes that were created in a span of time."""
        wanted = {**window.filters(), "limit": str(PAGE), "offset": str(offset)}
        found = await self._get("nodes", wanted)
        return Page(found["items"], int(found["total"]))

    async def node(self, node_id: str) -> dict[str, Any] | None:
        """Return a node, or None when there is none."""
        found: dict[str, Any] | None = await self._get(f"node/{node_id}", {})
        return found

    async def _get(self, path: str, parameters: dict[str, str]) -> Any:
        async for attempt in stamina.retry_context(
            on=Unavailable,
            attempts=ATTEMPTS,
            timeout=None,
            wait_initial=WAIT_S,
            wait_max=60 * WAIT_S,
        ):
            with attempt:
                return await self._once(path, parameters)
        raise AssertionError("unreachable: the last attempt returns or raises")

    async def _once(self, path: str, parameters: dict[str, str]) -> Any:
        try:
            answer = await self._http.get(path, params=parameters)
            answer.raise_for_status()
            return answer.json()
        except httpx.HTTPStatusError as error:
            status, said = error.response.status_code, error.response.text[:200]
            kind = Unavailable if error.response.is_server_error else ApiError
            raise kind(f"the peer answers {status} to {path}: {said}") from error
        except (httpx.TransportError, ValueError) as error:
            raise Unavailable(f"the peer: {type(error).__name__}: {error}") from error


def _naive(time: datetime) -> str:
    return time.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds")

# SPDX-License-Identifier: LGPL-2.1-or-later
"""Connections that tell when the other side went away without reading its answer.

A client that closes its socket while an answer lies in it unread makes the kernel reset
the connection. That is the only sign, and the only moment, to take the answer back.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from fastapi import Request
from uvicorn.protocols.http.auto import AutoHTTPProtocol


class Reset:
    """What is done when a connection is reset: what was asked for last."""

    def __init__(self) -> None:
        self._call: Callable[[], None] | None = None

    def then(self, call: Callable[[], None]) -> None:
        """Do this, in place of what was asked for before."""
        self._call = call

    def happened(self) -> None:
        """Do it."""
        call, self._call = self._call, None
        if call is not None:
            call()


class WatchedConnection(AutoHTTPProtocol):  # type: ignore[misc, valid-type]
    """The server's protocol, which hands each request the `Reset` of its connection."""

    app_state: dict[str, Any]

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Begin."""
        self._reset = Reset()
        self.app_state = {**self.app_state, "reset": self._reset}
        super().connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """End: after a reset, or the other side's good-bye."""
        super().connection_lost(exc)
        if exc is not None:
            self._reset.happened()


def reset_of(request: Request) -> Reset:
    """Return the `Reset` of a request's connection; a new one without a server."""
    found = request.scope.get("state", {}).get("reset")
    return found if isinstance(found, Reset) else Reset()

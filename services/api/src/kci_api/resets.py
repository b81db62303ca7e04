# SPDX-License-Identifier: LGPL-2.1-or-later
"""Detect that a client closed its connection without reading the response.

If a client closes a socket that has unread data, its kernel resets the connection. This
is the only sign that a response was not received, so that it can be taken back.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from fastapi import Request
from uvicorn.protocols.http.auto import AutoHTTPProtocol


def _nothing() -> None:
    """Close no connection."""


HEADERS_S = 30.0
"""How long a client may take to send the headers of a request."""


class Reset:
    """The callback for the reset of one connection, and a way to close it."""

    def __init__(self, disconnect: Callable[[], None] = _nothing) -> None:
        self._call: Callable[[], None] | None = None
        self.disconnect = disconnect
        """Closes the connection at once, without sending what is buffered."""

    def set_callback(self, call: Callable[[], None]) -> None:
        """Set what to call on a reset, instead of an earlier callback."""
        self._call = call

    def fire(self) -> None:
        """Call the callback, once."""
        call, self._call = self._call, None
        if call is not None:
            call()


class WatchedConnection(AutoHTTPProtocol):  # type: ignore[misc, valid-type]
    """The server's protocol, which gives each request the `Reset` of its connection.

    It closes connections that send no complete headers.
    """

    app_state: dict[str, Any]

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Add the `Reset` to the state of all requests of this connection."""
        self._reset = Reset(transport.abort)
        self.app_state = {**self.app_state, "reset": self._reset}
        super().connection_made(transport)
        self._late: asyncio.TimerHandle | None = None
        self._expect_headers(transport)

    def _expect_headers(self, transport: asyncio.Transport) -> None:
        loop = asyncio.get_running_loop()
        self._late = loop.call_later(HEADERS_S, transport.abort)

    def data_received(self, data: bytes) -> None:
        """Close the connection later, unless the headers of a request are complete."""
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._stop_timer()
        elif self._late is None:
            self._expect_headers(self.transport)

    def _stop_timer(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def connection_lost(self, exc: Exception | None) -> None:
        """Fire the `Reset` unless the connection was closed properly."""
        super().connection_lost(exc)
        self._stop_timer()
        if exc is not None:
            self._reset.fire()


def reset_of(request: Request) -> Reset:
    """Return the `Reset` of a request's connection; a new one in tests without it."""
    reset = request.scope.get("state", {}).get("reset")
    return reset if isinstance(reset, Reset) else Reset()

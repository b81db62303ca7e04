# SPDX-License-Identifier: LGPL-2.1-or-later
"""Middleware that bounds bodies: bytes, number of values, and time until received."""

import asyncio
import re

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kci_shared.errors import TooLarge

BODY_S = 30.0
"""How long a client may take to send a body."""
REQUEST_TIMEOUT = 408
MAX_BODY_VALUES = 400_000
"""Of a body, keys included: to parse and check them takes up to a second."""
STRING = re.compile(rb'"(?:[^"\\]|\\.)*+"')
BETWEEN_VALUES = (b",", b":", b"[", b"{")


class BodyLimit:
    """Refuses a body that is too large, or of unknown length."""

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self._app = app
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "http" and not self._fits(dict(scope["headers"])):
            detail = f"send a Content-Length of at most {self._max_bytes} bytes"
            await _refuse(TooLarge.status, detail, scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _fits(self, headers: dict[bytes, bytes]) -> bool:
        if b"transfer-encoding" in headers:
            return False
        return int(headers.get(b"content-length", b"0")) <= self._max_bytes


class WholeBody:
    """Receives the whole body before the application begins.

    It refuses a body that comes too slowly, or that has too many values.
    """

    def __init__(self, app: ASGIApp, seconds: float = BODY_S) -> None:
        self._app = app
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or not _has_body(scope):
            await self._app(scope, receive, send)
            return
        try:
            async with asyncio.timeout(self._seconds):
                body = await _received(receive)
        except TimeoutError:
            detail = f"the body was not received within {self._seconds:g} seconds"
            await _refuse(REQUEST_TIMEOUT, detail, scope, receive, send)
            return
        if body is None:  # the client has gone
            return
        if has_too_many_values(body):
            detail = f"more than {MAX_BODY_VALUES} values: send several requests"
            await _refuse(TooLarge.status, detail, scope, receive, send)
            return
        await self._app(scope, _Replay(body, receive), send)


class _Replay:
    """Gives a body that was received, then what follows it."""

    def __init__(self, body: bytes, receive: Receive) -> None:
        self._body: bytes | None = body
        self._receive = receive

    async def __call__(self) -> Message:
        """Return the next message."""
        body, self._body = self._body, None
        if body is None:
            return await self._receive()
        return {"type": "http.request", "body": body, "more_body": False}


def _has_body(scope: Scope) -> bool:
    return any(
        name == b"content-length" and value != b"0" for name, value in scope["headers"]
    )


async def _received(receive: Receive) -> bytes | None:
    """Return the body; None if the client went away."""
    parts: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)


def has_too_many_values(body: bytes) -> bool:
    """Return whether a JSON text has more values than are allowed."""
    if _values(body) <= MAX_BODY_VALUES:  # nearly always, and cheap
        return False
    return _values(STRING.sub(b"", body)) > MAX_BODY_VALUES


def _values(body: bytes) -> int:
    return sum(body.count(mark) for mark in BETWEEN_VALUES)


async def _refuse(
    status: int, detail: str, scope: Scope, receive: Receive, send: Send
) -> None:
    await JSONResponse({"detail": detail}, status)(scope, receive, send)

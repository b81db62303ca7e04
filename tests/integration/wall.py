# SPDX-License-Identifier: LGPL-2.1-or-later
"""A server that stands in front of another, and may answer in its place."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import uvicorn
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from kci_shared.server import QuietServer


class Wall:
    """Answers all requests itself if it has a page, else as the server behind it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.page: Response | None = None
        self.hits = 0
        """How many requests got the page."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and self.page is not None:
            self.hits += 1
            await self.page(scope, receive, send)
        else:
            await self._app(scope, receive, send)


class Proxy:
    """Forwards each request to another server."""

    def __init__(self, server: httpx.AsyncClient) -> None:
        self._server = server

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        headers = {k: v for k, v in request.headers.items() if k != "host"}
        answer = await self._server.request(
            request.method,
            f"{request.url.path}?{request.url.query}",
            headers=headers,
            content=await request.body(),
        )
        kind = answer.headers.get("content-type")
        response = Response(answer.content, answer.status_code, media_type=kind)
        await response(scope, receive, send)


@asynccontextmanager
async def served(app: ASGIApp, port: int = 0) -> AsyncIterator[str]:
    """Serve an application while the context is open; port 0 is any free one."""
    config = uvicorn.Config(
        app, host="127.0.0.1", port=port, log_config=None, lifespan="auto"
    )
    server = QuietServer(config)
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await task

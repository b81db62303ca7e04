# SPDX-License-Identifier: LGPL-2.1-or-later
"""`/health`, `/ready` and `/metrics` of a process that has no HTTP of its own."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar

import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route


class Readiness:
    """Whether the process is ready for work; the runner and its parts turn it."""

    def __init__(self) -> None:
        self.ready = False
        self.details: dict[str, Callable[[], str]] = {}
        """What `/ready` tells besides, by its name; nothing while it is empty."""


READINESS: ContextVar[Readiness] = ContextVar("readiness")


def tell_ready(name: str, detail: Callable[[], str]) -> None:
    """Have `/ready` of this process tell a detail, as it is whenever it is asked."""
    if (readiness := READINESS.get(None)) is not None:
        readiness.details[name] = detail


async def _metrics(_: Request) -> Response:
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


async def _health(_: Request) -> Response:
    return JSONResponse({"status": "ok"})


def health_app(readiness: Readiness) -> Starlette:
    """Build the three routes."""

    async def ready(_: Request) -> Response:
        status = 200 if readiness.ready else 503
        told = {name: detail() for name, detail in readiness.details.items()}
        details = {name: detail for name, detail in told.items() if detail}
        return JSONResponse({"ready": readiness.ready, **details}, status)

    return Starlette(
        routes=[
            Route("/health", _health),
            Route("/ready", ready),
            Route("/metrics", _metrics),
        ]
    )


class QuietServer(uvicorn.Server):
    """A server that leaves the signals to the process that it is a part of."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


@asynccontextmanager
async def serve_health(
    host: str, port: int, readiness: Readiness
) -> AsyncIterator[None]:
    """Serve the three routes on `port` as long as the block runs; 0 serves nothing."""
    async with serving(health_app(readiness), host, port):
        yield


@asynccontextmanager
async def serving(app: Starlette, host: str, port: int) -> AsyncIterator[None]:
    """Serve an application as long as the block runs; port 0 serves nothing."""
    if port == 0:
        yield
        return
    config = uvicorn.Config(
        app, host=host, port=port, log_config=None, access_log=False
    )
    server = QuietServer(config)
    task = asyncio.create_task(server.serve())
    try:
        yield
    finally:
        server.should_exit = True
        await task

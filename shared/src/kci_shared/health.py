# SPDX-License-Identifier: LGPL-2.1-or-later
"""`/health`, `/ready` and `/metrics`."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from kci_shared.channels.openings import Openings
from kci_shared.server import serving


class Readiness:
    """Whether the process is ready for work, and details of its parts."""

    def __init__(self) -> None:
        self.ready = False
        """Whether the process has started."""
        self.channels = Openings()
        self.details: dict[str, Callable[[], str]] = {}
        """Further texts in the answer of `/ready`; empty ones are left out."""

    def answer(self) -> dict[str, Any]:
        """Return the answer of `/ready`: what is wrong, and what to do about it."""
        down = self.channels.problems()
        texts = {name: detail() for name, detail in self.details.items()}
        details: dict[str, Any] = {name: text for name, text in texts.items() if text}
        if down:
            details["channels"] = down
        return {"ready": self.ready and not down, **details}


READINESS: ContextVar[Readiness] = ContextVar("readiness")


def add_ready_detail(name: str, detail: Callable[[], str]) -> None:
    """Add a text to `/ready` of this process, computed whenever it is requested."""
    if (readiness := READINESS.get(None)) is not None:
        readiness.details[name] = detail


async def _metrics(_: Request) -> Response:
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


async def _health(_: Request) -> Response:
    return JSONResponse({"status": "ok"})


def health_app(readiness: Readiness) -> Starlette:
    """Build the three routes."""

    async def ready(_: Request) -> Response:
        answer = readiness.answer()
        return JSONResponse(answer, 200 if answer["ready"] else 503)

    return Starlette(
        routes=[
            Route("/health", _health),
            Route("/ready", ready),
            Route("/metrics", _metrics),
        ]
    )


@asynccontextmanager
async def serve_health(
    host: str, port: int, readiness: Readiness
) -> AsyncIterator[None]:
    """Serve the three routes on `port` as long as the block runs; 0 serves nothing."""
    async with serving(health_app(readiness), host, port):
        yield

# SPDX-License-Identifier: LGPL-2.1-or-later
"""What every request passes: counted, safe to show, of our version, not too large."""

import re
import time
from functools import cache

from prometheus_client import Counter, Histogram
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kci_shared.errors import TooLarge

REQUESTS = Counter(
    "kci_http_requests_total", "Requests answered", ["method", "route", "status"]
)
SECONDS = Histogram(
    "kci_http_seconds",
    "Time until an answer began",
    ["route"],
    buckets=(0.005, 0.02, 0.1, 0.5, 2, 10),
)

METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
"""What is counted by name; a sender may invent any number of others."""

PLAIN = {
    *("/", "/docs", "/docs/oauth2-redirect", "/openapi.json", "/viewer"),
    *("/health", "/ready", "/metrics"),
}
"""The paths that are of no version."""
ASSETS = "/static-offline-docs/"
"""What the documentation is made of."""
VERSION = re.compile(r"^/(latest|v[\d.]+)(?=/|$)")
VERSIONS = {"latest", "v0"}
LATEST = "/latest/"

SAFE = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
]
NO_PAGE = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
"""For all but the documentation, which is a page with scripts."""
DOCS = (
    b"content-security-policy",
    b"default-src 'self'; script-src 'self' 'unsafe-inline';"
    b" style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'",
)


class Instrumentation:
    """Counts requests and times their answers; makes answers safe to show."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begin = time.perf_counter()

        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start":
                _count(scope, message["status"], time.perf_counter() - begin)
                message["headers"] += SAFE
                policy = DOCS if scope["path"].startswith("/docs") else NO_PAGE
                message["headers"].append(policy)
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception:
            _count(scope, 500, time.perf_counter() - begin)
            raise


def _count(scope: Scope, status: int, seconds: float) -> None:
    route = getattr(scope.get("route"), "path", "none")
    method = scope["method"] if scope["method"] in METHODS else "other"
    requests, times = _counters(method, route, status)
    requests.inc()
    times.observe(seconds)


@cache  # there are few, and to look them up costs more than to count
def _counters(method: str, route: str, status: int) -> tuple[Counter, Histogram]:
    return REQUESTS.labels(method, route, status), SECONDS.labels(route)


class VersionPrefix:
    """Leads `/v0/…` and paths without a version to `/latest/…`."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        path = scope.get("path", "")
        if scope["type"] == "http" and not _is_served(path):
            version = VERSION.match(path)
            if version and version[1] not in VERSIONS:
                refusal = PlainTextResponse(
                    f"Unsupported API version: {version[1]}", 400
                )
                await refusal(scope, receive, send)
                return
            scope["path"] = rewrite(path)
        await self._app(scope, receive, send)


def _is_served(path: str) -> bool:
    # nearly all requests: told without a look at the rest
    return path.startswith(LATEST) and path[len(LATEST) - 1 :] not in PLAIN


def rewrite(path: str) -> str:
    """Return the path that serves this one."""
    bare = VERSION.sub("", path, count=1) or "/"
    plain = bare in PLAIN or bare.startswith(ASSETS)
    return bare if plain else f"/latest{bare}"


class BodyLimit:
    """Refuses a body that is too large, or that does not say how large it is."""

    def __init__(self, app: ASGIApp, most: int) -> None:
        self._app = app
        self._most = most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "http" and not self._fits(dict(scope["headers"])):
            detail = f"send a Content-Length of at most {self._most} bytes"
            refusal = JSONResponse({"detail": detail}, TooLarge.status)
            await refusal(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _fits(self, headers: dict[bytes, bytes]) -> bool:
        if b"transfer-encoding" in headers:
            return False
        return int(headers.get(b"content-length", b"0")) <= self._most

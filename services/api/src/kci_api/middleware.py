# SPDX-License-Identifier: LGPL-2.1-or-later
"""Middleware of every request: metrics, security headers, API version."""

import re
import time
from functools import cache

from prometheus_client import Counter, Histogram
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

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
"""The methods that metrics name; a client may invent any number of others."""

UNVERSIONED = {
    "/",
    "/docs",
    "/docs/oauth2-redirect",
    "/openapi.json",
    "/viewer",
    "/health",
    "/ready",
    "/metrics",
}
"""The paths without a version."""
ASSETS = "/static-offline-docs/"
"""The scripts and styles of the documentation."""
VERSION = re.compile(r"^/(latest|v[\d.]+)(?=/|$)")
VERSIONS = {"latest", "v0"}
LATEST = "/latest/"

SECURITY_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
]
API_POLICY = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
"""For all responses but the documentation, which is a page with scripts."""
DOCS_POLICY = (
    b"content-security-policy",
    b"default-src 'self'; script-src 'self' 'unsafe-inline';"
    b" style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'",
)


class Instrumentation:
    """Counts and times requests; adds security headers to responses."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start = time.perf_counter()

        async def send_measured(message: Message) -> None:
            if message["type"] == "http.response.start":
                _count(scope, message["status"], time.perf_counter() - start)
                message["headers"] += SECURITY_HEADERS
                is_page = scope["path"].startswith("/docs")
                policy = DOCS_POLICY if is_page else API_POLICY
                message["headers"].append(policy)
            await send(message)

        try:
            await self._app(scope, receive, send_measured)
        except Exception:
            _count(scope, 500, time.perf_counter() - start)
            raise


def _count(scope: Scope, status: int, seconds: float) -> None:
    route = getattr(scope.get("route"), "path", "none")
    method = scope["method"] if scope["method"] in METHODS else "other"
    requests, times = _counters(method, route, status)
    requests.inc()
    times.observe(seconds)


@cache  # there are few, and `labels` costs more than the count itself
def _counters(method: str, route: str, status: int) -> tuple[Counter, Histogram]:
    return REQUESTS.labels(method, route, status), SECONDS.labels(route)


class VersionPrefix:
    """Serves `/v0/…`, and paths without a version, as `/latest/…`."""

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
    # a cheap test that is true for nearly all requests
    return path.startswith(LATEST) and path[len(LATEST) - 1 :] not in UNVERSIONED


def rewrite(path: str) -> str:
    """Return the path under which a request is served."""
    path = VERSION.sub("", path, count=1) or "/"
    is_unversioned = path in UNVERSIONED or path.startswith(ASSETS)
    return path if is_unversioned else f"/latest{path}"

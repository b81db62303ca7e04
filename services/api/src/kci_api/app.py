# SPDX-License-Identifier: LGPL-2.1-or-later
"""The FastAPI application: routes, middleware, and responses to errors."""

import json
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any
from urllib.parse import quote

from bson.errors import InvalidId
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse
from fastapi_offline import FastAPIOffline
from pymongo.errors import (
    ConnectionFailure,
    ExecutionTimeout,
    WaitQueueTimeoutError,
)
from redis.exceptions import ConnectionError as RedisAway
from redis.exceptions import TimeoutError as RedisSilent
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware

from kci_api import health
from kci_api.audit import routes as audit
from kci_api.body_limits import BodyLimit, WholeBody
from kci_api.channels import routes as channels
from kci_api.claims import routes as claims
from kci_api.dependencies import find_store, provide
from kci_api.description import DESCRIPTION, ERRORS, TAGS
from kci_api.events import routes as events
from kci_api.front_page import front_page
from kci_api.groups import routes as groups
from kci_api.history import routes as history
from kci_api.imports import routes as imports
from kci_api.invites import routes as invites
from kci_api.kv import routes as kv
from kci_api.lists import routes as lists
from kci_api.logins import routes as logins
from kci_api.middleware import Instrumentation, VersionPrefix
from kci_api.nodes import routes as nodes
from kci_api.regressions import routes as regressions
from kci_api.runtimes import routes as runtimes
from kci_api.settings import Settings
from kci_api.subscriptions import routes as subscriptions
from kci_api.tokens import routes as tokens
from kci_api.users import routes as users
from kci_api.wiring import Stores
from kci_shared.errors import (
    ApiError,
    BadRequest,
    Invalid,
    NotLoggedIn,
    TooMany,
    TooSlow,
    Unavailable,
)
from kci_shared.logging import get_logger

log = get_logger(__name__)

ROUTES = (
    nodes,
    claims,
    subscriptions,
    events,
    history,
    channels,
    lists,
    kv,
    imports,
    regressions,
    logins,
    invites,
    users,
    tokens,
    groups,
    audit,
    runtimes,
)
"""In the order in which paths are matched: the busiest first."""
RETRY_AFTER_S = "2"
BUSY_RETRY_AFTER_S = "60"
AWAY = (ConnectionFailure, WaitQueueTimeoutError, RedisAway, RedisSilent)
"""The errors of drivers when a store does not answer."""
HANDLED = (
    ApiError,
    InvalidId,
    RequestValidationError,
    ExecutionTimeout,
    *AWAY,
    Exception,
)


def create_app(stores: Stores) -> FastAPI:
    """Build the application around its stores."""
    settings = stores.settings
    app = FastAPIOffline(
        title="KernelCI API",
        version=version("kci-api"),
        description=DESCRIPTION,
        openapi_tags=TAGS,
        redoc_url=None,
        generate_unique_id_function=lambda route: route.name,
        responses=ERRORS,
        middleware=[
            Middleware(Instrumentation),
            *_cors(settings.cors_origins),
            Middleware(VersionPrefix),
            Middleware(BodyLimit, max_bytes=settings.max_body),
            Middleware(WholeBody),
        ],
        exception_handlers=dict.fromkeys(HANDLED, answer_error),
    )
    provide(app, vars(stores).values())
    for package in ROUTES:
        app.include_router(package.router, prefix="/latest")
    app.include_router(health.router)
    app.add_api_route("/", front_page, include_in_schema=False)
    app.add_api_route("/viewer", to_node, include_in_schema=False)
    return app


def _cors(origins: Sequence[str]) -> list[Middleware]:
    """Return the middleware for scripts of other pages, if the settings allow any."""
    if not origins:
        return []
    exposed = ["ETag", "Next-Cursor", "Retry-After"]
    methods = ["GET", "POST", "PUT", "PATCH", "DELETE"]
    return [
        Middleware(
            CORSMiddleware,
            allow_origins=origins,
            allow_methods=methods,
            allow_headers=["Authorization", "If-Match", "Idempotency-Key"],
            expose_headers=exposed,
        )
    ]


async def to_node(node_id: str, request: Request) -> RedirectResponse:
    """Lead from the links in clients and mails to the page of a node."""
    dashboard = find_store(request, Settings).dashboard_url
    page = f"{dashboard.rstrip('/')}/node" if dashboard else "/latest/node"
    return RedirectResponse(f"{page}/{quote(node_id, safe='')}")


async def answer_error(_: Request, error: Exception) -> JSONResponse:
    """Return the response to an error."""
    api_error = as_api_error(error)
    headers = {}
    if isinstance(api_error, Unavailable):
        log.warning("store away", reason=f"{type(error).__name__}: {error}")
        headers["Retry-After"] = RETRY_AFTER_S
    if isinstance(api_error, NotLoggedIn):
        headers["WWW-Authenticate"] = "Bearer"
    if isinstance(api_error, TooMany):
        headers["Retry-After"] = BUSY_RETRY_AFTER_S
    return AsciiResponse({"detail": api_error.detail}, api_error.status, headers)


class AsciiResponse(JSONResponse):
    """JSON with escapes: an error may quote a key that UTF-8 cannot encode."""

    def render(self, content: Any) -> bytes:
        """Return the content as JSON."""
        return json.dumps(content).encode("ascii")


def as_api_error(error: Exception) -> ApiError:
    """Return the error of the API that stands for any error."""
    match error:
        case ApiError():
            return error
        case InvalidId():
            return BadRequest(str(error))
        case RequestValidationError():
            # without the input: it may be a password, or not expressible in JSON
            keys = ("loc", "msg", "type")
            return Invalid([{key: one[key] for key in keys} for one in error.errors()])
        case ExecutionTimeout():
            return TooSlow("the query took too long; ask for less")
        case _ if isinstance(error, AWAY):
            return Unavailable("a store is down; try again")
        case _:
            return ApiError("Internal server error")

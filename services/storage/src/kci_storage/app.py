# SPDX-License-Identifier: LGPL-2.1-or-later
"""The storage as an ASGI application: routes, health checks, errors."""

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from obstore.exceptions import BaseError
from starlette.requests import ClientDisconnect

from kci_shared.errors import ApiError
from kci_shared.health import Readiness, health_app
from kci_shared.logging import get_logger
from kci_storage.artifacts import Artifacts
from kci_storage.authorizer import Authorizer
from kci_storage.routes import ArtifactRoutes

log = get_logger(__name__)


def create_app(artifacts: Artifacts, authorizer: Authorizer, max_bytes: int) -> FastAPI:
    """Build the application around its store."""
    readiness = Readiness()
    readiness.ready = True
    app = FastAPI(
        title="KernelCI artifact storage",
        routes=health_app(readiness).routes,
        exception_handlers={
            ApiError: _refused,
            BaseError: _store_failed,
            ClientDisconnect: _gone,
        },
    )
    app.include_router(ArtifactRoutes(artifacts, authorizer, max_bytes).router())
    return app


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)
    return JSONResponse({"detail": error.detail}, error.status)


async def _store_failed(_: Request, error: Exception) -> Response:
    reason = str(error).partition("\n")[0]
    log.error("store failed", reason=reason)
    return JSONResponse(
        {"detail": "the artifact store is failing; try again later"}, 503
    )


async def _gone(_: Request, error: Exception) -> Response:
    log.info("upload abandoned by its sender")
    return Response(status_code=400)  # the client has disconnected

# SPDX-License-Identifier: LGPL-2.1-or-later
"""The HTTP interface that kci-dev uses: checkout, retry, patchset."""

from collections.abc import Sequence
from typing import Annotated, Any

import httpx
from fastapi import APIRouter, FastAPI, Header, Request, Response
from fastapi.responses import JSONResponse

from kci_shared.errors import ApiError, BadRequest, KciError, TooLarge
from kci_shared.logging import get_logger
from kci_shared.models import Node
from kci_trigger import patches
from kci_trigger.permissions import Callers, Right
from kci_trigger.requests import (
    CheckoutRequest,
    PatchsetRequest,
    Requests,
    RetryRequest,
    fetch_patches,
)

log = get_logger(__name__)

LARGEST_BODY_BYTES = 4 * patches.LARGEST_BYTES
"""In JSON a byte of a patch may need several."""
AUTHORIZATION = Annotated[str, Header()]


class RequestRoutes:
    """The routes, one for each kind of request."""

    def __init__(
        self,
        requests: Requests,
        callers: Callers,
        http: httpx.AsyncClient,
        hosts: Sequence[str],
    ) -> None:
        self._requests = requests
        self._callers = callers
        self._http = http
        self._hosts = hosts

    def router(self) -> APIRouter:
        """Return the routes."""
        router = APIRouter(prefix="/api", tags=["requests"])
        router.add_api_route("/checkout", self.checkout, methods=["POST"])
        router.add_api_route("/jobretry", self.jobretry, methods=["POST"])
        router.add_api_route("/patchset", self.patchset, methods=["POST"])
        return router

    async def checkout(
        self, request: CheckoutRequest, authorization: AUTHORIZATION = ""
    ) -> dict[str, Any]:
        """Test a commit of a configured tree."""
        submitter = await self._submitter(authorization, Right.CHECKOUT)
        return _answer(await self._requests.checkout(request, submitter))

    async def jobretry(
        self, request: RetryRequest, authorization: AUTHORIZATION = ""
    ) -> dict[str, Any]:
        """Run a build or a job once more."""
        submitter = await self._submitter(authorization, Right.TESTRETRY)
        return _answer(await self._requests.retry(request, submitter))

    async def patchset(
        self, request: PatchsetRequest, authorization: AUTHORIZATION = ""
    ) -> dict[str, Any]:
        """Test patches on top of a checkout."""
        submitter = await self._submitter(authorization, Right.PATCHSET)
        if (request.patch is None) == (request.patchurl is None):
            raise BadRequest("send either patch or patchurl, not both or none")
        contents = [text.encode(errors="replace") for text in request.patch or []]
        if request.patchurl is not None:
            contents = await fetch_patches(self._http, request.patchurl, self._hosts)
        return _answer(await self._requests.patchset(request, submitter, contents))

    async def _submitter(self, authorization: str, right: Right) -> str:
        caller = await self._callers.caller(authorization)
        caller.require(right)
        return f"user:{caller.name}"


def create_app(routes: RequestRoutes) -> FastAPI:
    """Build the application."""
    app = FastAPI(
        title="KernelCI trigger",
        exception_handlers={ApiError: _refused, KciError: _failed},
    )
    app.include_router(routes.router())

    @app.middleware("http")
    async def limit(request: Request, call_next: Any) -> Response:
        """Refuse a body that is too large before reading it."""
        length = request.headers.get("content-length", "")
        if not length.isdigit() or int(length) > LARGEST_BODY_BYTES:
            error = TooLarge(f"send a Content-Length of at most {LARGEST_BODY_BYTES}")
            return await _refused(request, error)
        answer: Response = await call_next(request)
        return answer

    return app


def _answer(node: Node) -> dict[str, Any]:
    log.info("request granted", node_id=node.id, by=node.submitter)
    return {"message": "OK", "node": {"id": node.id, "treeid": node.treeid}}


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)
    return JSONResponse({"detail": error.detail}, error.status)


async def _failed(_: Request, error: Exception) -> Response:
    log.warning("request not served", reason=str(error))
    return JSONResponse({"detail": str(error)}, 503)

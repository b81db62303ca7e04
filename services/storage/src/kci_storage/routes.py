# SPDX-License-Identifier: LGPL-2.1-or-later
"""The HTTP routes: store an artifact under its sha256, read it or a range of it."""

from typing import Annotated

from fastapi import APIRouter, Header, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse, StreamingResponse
from prometheus_client import Counter

from kci_shared.errors import NotFound
from kci_storage import rules
from kci_storage.artifacts import Artifacts, too_large
from kci_storage.authorizer import Authorizer

PATH = "/{sha256}/{name}"
OFFERED = Counter("kci_artifacts_total", "Artifacts offered, by outcome", ["outcome"])


class ArtifactRoutes:
    """PUT, GET and HEAD of an artifact."""

    def __init__(
        self, artifacts: Artifacts, authorizer: Authorizer, max_bytes: int
    ) -> None:
        self._artifacts = artifacts
        self._authorizer = authorizer
        self._max_bytes = max_bytes

    def router(self) -> APIRouter:
        """Return the routes."""
        router = APIRouter(tags=["artifacts"])
        router.add_api_route(PATH, self.put, methods=["PUT"], status_code=201)
        router.add_api_route(PATH, self.get, methods=["GET"])
        router.add_api_route(PATH, self.head, methods=["HEAD"])
        return router

    async def put(
        self,
        sha256: str,
        name: str,
        request: Request,
        authorization: Annotated[str, Header()] = "",
        content_length: Annotated[int, Header()] = 0,
    ) -> Response:
        """Store the body: 201, or 200 if it is stored already."""
        key = rules.key(sha256, name)
        await self._authorizer.check(authorization)
        if content_length > self._max_bytes:
            raise too_large(self._max_bytes)
        is_new = await self._artifacts.keep(key, request.stream())
        OFFERED.labels("stored" if is_new else "known").inc()
        body = {"sha256": sha256, "name": name}
        return JSONResponse(body, 201 if is_new else 200)

    async def get(
        self,
        sha256: str,
        name: str,
        range_header: Annotated[str | None, Header(alias="Range")] = None,
        if_none_match: Annotated[str, Header()] = "",
    ) -> Response:
        """Send the artifact, or the bytes that a Range header requests."""
        key = rules.key(sha256, name)
        headers = rules.headers(sha256, name)
        size = await self._size(key)
        if headers["ETag"] in if_none_match:
            return Response(None, 304, headers)
        requested = rules.byte_range(range_header, size)
        part = range(size) if requested is None else requested
        headers["Content-Length"] = str(len(part))
        if requested is None:
            return StreamingResponse(self._artifacts.read(key, part), 200, headers)
        if not part:
            whole = {"Content-Range": f"bytes */{size}"}
            return PlainTextResponse(f"the artifact has {size} bytes", 416, whole)
        headers["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{size}"
        return StreamingResponse(self._artifacts.read(key, part), 206, headers)

    async def head(self, sha256: str, name: str) -> Response:
        """Send the size and the type of the artifact."""
        headers = rules.headers(sha256, name)
        size = await self._size(rules.key(sha256, name))
        return Response(None, 200, {**headers, "Content-Length": str(size)})

    async def _size(self, key: str) -> int:
        size = await self._artifacts.size(key)
        if size is None:
            raise NotFound("this artifact does not exist")
        return size

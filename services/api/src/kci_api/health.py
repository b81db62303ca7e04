# SPDX-License-Identifier: LGPL-2.1-or-later
"""`/health`, `/ready` and `/metrics` of the API."""

import asyncio
from collections.abc import Awaitable
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import PyMongoError
from redis.asyncio import Redis
from redis.exceptions import RedisError

from kci_api.dependencies import find_store
from kci_shared.errors import Unavailable

router = APIRouter(tags=["health"])

PING_S = 2.0
"""How long a store may take to answer."""
NODES = "node"


class Health(BaseModel):
    """The process is alive."""

    status: str = "ok"


class Ready(BaseModel):
    """Whether requests can be served, and which stores answer."""

    ready: bool
    mongo: bool
    redis: bool
    """Without Redis no event is lost: they wait in the nodes."""


@router.get("/health")
async def health() -> Health:
    """Answer that the process is alive."""
    return Health()


@router.get(
    "/ready",
    responses={Unavailable.status: {"model": Ready, "description": "MongoDB is down"}},
)
async def ready(request: Request, response: Response) -> Ready:
    """Answer whether requests can be served: 503 while MongoDB is down."""
    mongo_database = find_store(request, AsyncDatabase)
    redis_client = find_store(request, Redis)
    mongo, redis = await asyncio.gather(
        _answers(_read(mongo_database)), _answers(redis_client.ping())
    )
    if not mongo:
        response.status_code = Unavailable.status
    return Ready(ready=mongo, mongo=mongo, redis=redis)


@router.get("/metrics", response_class=PlainTextResponse)
async def metrics() -> Response:
    """Return the metrics for Prometheus."""
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


async def _read(database: AsyncDatabase[Any]) -> None:
    # a store whose reads hang still answers a ping
    await database[NODES].find_one({}, {"_id": True})


async def _answers(ping: Awaitable[Any]) -> bool:
    try:
        async with asyncio.timeout(PING_S):
            await ping
    except (PyMongoError, RedisError, OSError):  # TimeoutError is one of them
        return False
    return True

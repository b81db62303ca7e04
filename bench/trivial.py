# SPDX-License-Identifier: LGPL-2.1-or-later
"""The least that a FastAPI application can do: what ours is measured against."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from bson import ObjectId
from fastapi import FastAPI, Request
from pydantic import BaseModel
from pydantic_core import to_json
from pymongo import AsyncMongoClient
from redis.asyncio import Redis


class Thing(BaseModel):
    """What a client sends as a new node, checked as little as can be."""

    kind: str
    name: str
    parent: str | None = None
    state: str = "running"
    artifacts: dict[str, str] = {}
    data: dict[str, Any] = {}


@asynccontextmanager
async def _stores(app: FastAPI) -> AsyncIterator[None]:
    mongo = AsyncMongoClient[dict[str, Any]](
        os.environ["BENCH_MONGO_URL"], w="majority", journal=True, tz_aware=True
    )
    async with mongo, Redis.from_url(os.environ["BENCH_REDIS_URL"]) as redis:
        app.state.database = mongo.get_default_database()
        app.state.redis = redis
        yield


app = FastAPI(lifespan=_stores)


@app.get("/thing/{thing_id}")
async def get_thing(thing_id: str) -> dict[str, Any]:
    """Answer nothing."""
    return {}


@app.post("/thing")
async def post_thing(thing: Thing) -> Thing:
    """Answer what came."""
    return thing


@app.get("/node/{node_id}")
async def get_node(node_id: str, request: Request) -> dict[str, Any]:
    """Read a node, and answer nothing."""
    nodes = request.app.state.database["node"]
    await nodes.find_one({"_id": ObjectId(node_id)}, {"outbox": False})
    return {}


@app.post("/node")
async def post_node(thing: Thing, request: Request) -> Thing:
    """Store what came as a node and as an event, tell it, and answer it."""
    state = request.app.state
    document = thing.model_dump()
    await state.database["bench_node"].insert_one({**document, "event": document})
    await state.database["bench_event"].insert_one({"event": document})
    await state.redis.xadd("bench", {"event": to_json(document)})
    return thing

# SPDX-License-Identifier: LGPL-2.1-or-later
"""The API in this process with real stores, and its callers."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from secrets import token_hex
from typing import Any

import pytest
import pytest_asyncio
import redis
from bson import ObjectId
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient, Response
from pymongo.asynchronous.collection import AsyncCollection

from integration.answers import Json, good
from kci_api.app import create_app
from kci_api.callers.documents import Group, UserDocument
from kci_api.events.broadcast import Broadcast
from kci_api.settings import Settings
from kci_api.wiring import Stores, open_stores

REVISION = {
    "tree": "mainline",
    "url": "https://git.example.org/linux.git",
    "branch": "master",
    "commit": "2a987e65025e2b79c6d453b78cb5985ac6e5eb28",
    "describe": "v5.16-rc4-31-g2a987e65025e",
    "version": {"version": 5, "patchlevel": 16},
}


class World:
    """The application and its callers."""

    def __init__(self, app: FastAPI, stores: Stores, callers: AsyncExitStack) -> None:
        self.app = app
        self.stores = stores
        self._callers = callers

    @property
    def nodes(self) -> AsyncCollection[Json]:
        return self.stores.database["node"]

    async def _client(self, token: str | None) -> AsyncClient:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        transport = ASGITransport(self.app, raise_app_exceptions=False)
        client = AsyncClient(
            transport=transport, base_url="http://api/latest", headers=headers
        )
        return await self._callers.enter_async_context(client)

    async def anybody(self) -> AsyncClient:
        """A client without a token."""
        return await self._client(None)

    async def service(self, name: str, *scopes: str) -> AsyncClient:
        """A client with a service's token of some scopes."""
        tokens = self.stores.authenticator
        token, _ = await tokens.issue(name, list(scopes), timedelta(hours=1))
        return await self._client(token)

    async def person(self, name: str, *groups: str) -> AsyncClient:
        """A client with the login of a person in some groups."""
        user = UserDocument(
            username=name,
            email=f"{name}@localhost",
            hashed_password="none: a hash takes a tenth of a second",
            is_verified=True,
            groups=[Group(id=group, name=group) for group in groups],
        )
        await user.insert()
        tokens = self.stores.authenticator
        token, stored = await tokens.issue(name, [], timedelta(hours=1))
        await self.stores.database["token"].update_one(
            {"_id": stored.id}, {"$set": {"user": user.id}}
        )
        return await self._client(token)

    async def events(self, node: Json) -> list[Json]:
        """Return all events of a node by version, once the relay has moved them."""
        stored = {"_id": ObjectId(node["id"])}
        while (await self.nodes.find_one(stored) or {}).get("outbox"):
            await asyncio.sleep(0.02)
        cursor = self.stores.database["event"].find({"event.data.id": node["id"]})
        events = [one["event"] async for one in cursor]
        return sorted(events, key=lambda event: int(event["id"].split("-")[1]))

    async def stored(self, node: Json) -> Json:
        """Return the document of a node."""
        document = await self.nodes.find_one({"_id": ObjectId(node["id"])})
        assert document is not None
        return document

    async def expire_claim(self, node: Json) -> None:
        """Let a lease expire at once."""
        past = {"$set": {"claim.expires": datetime(2000, 1, 1, tzinfo=UTC)}}
        result = await self.nodes.update_one({"_id": ObjectId(node["id"])}, past)
        assert result.matched_count == 1

    @staticmethod
    async def good(request: Awaitable[Response]) -> Any:
        """Return the body of a response, which must be a success."""
        return await good(request)

    async def checkout(self, by: AsyncClient, **fields: Any) -> Json:
        """Post a checkout."""
        base = {"kind": "checkout", "name": "checkout"}
        body = {**base, "data": {"kernel_revision": REVISION}, **fields}
        node: Json = await good(by.post("/node", json=body))
        return node

    async def child(self, by: AsyncClient, parent: Json, **fields: Any) -> Json:
        """Post a node below another: a job by default."""
        body = {"kind": "job", "name": "boot", "parent": parent["id"], **fields}
        node: Json = await good(by.post("/node", json=body))
        return node

    async def job(self, by: AsyncClient, parent: Json, **data: Any) -> Json:
        """Post a job that waits for the lab."""
        data_of_job = {"runtime": "lab", "platform": "qemu", **data}
        return await self.child(by, parent, data=data_of_job)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(mongo_port: int, redis_port: int) -> AsyncIterator[World]:
    """One per file: indexes take a second to create. Each test has its own tree."""
    with redis.Redis(port=redis_port) as streams:
        streams.flushall()
    settings = Settings(
        mongo_url=f"mongodb://127.0.0.1:{mongo_port}/{token_hex(6)}?directConnection=true",
        redis_url=f"redis://127.0.0.1:{redis_port}/0",
        secret_key="x" * 32,
        development=True,
    )
    async with open_stores(settings) as stores, AsyncExitStack() as callers:
        yield World(create_app(stores), stores, callers)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scheduler(world: World) -> AsyncClient:
    return await world.service("scheduler", "nodes:write")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def lab(world: World) -> AsyncClient:
    return await world.service("lab", "runtime:lab")


@pytest.fixture
def claim_waits(monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Set as soon as a request for nodes waits for the next event."""
    waits, next_event = asyncio.Event(), Broadcast.next_event

    async def seen(broadcast: Broadcast, timeout: float) -> None:
        waits.set()
        await next_event(broadcast, timeout)

    monkeypatch.setattr(Broadcast, "next_event", seen)
    return waits


@pytest_asyncio.fixture(loop_scope="module")
async def root(world: World, scheduler: AsyncClient) -> Json:
    """A checkout: the root of this test's own tree."""
    return await world.checkout(scheduler)

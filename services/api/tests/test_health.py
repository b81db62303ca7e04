# SPDX-License-Identifier: LGPL-2.1-or-later
import asyncio
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from pymongo.asynchronous.database import AsyncDatabase
from redis.asyncio import Redis

from kci_api import health


class FakeDatabase(AsyncDatabase[Any]):
    """A database that answers pings; its reads hang unless they are to answer."""

    def __init__(self, hangs: bool) -> None:
        self._hangs = hangs

    def __getitem__(self, name: str) -> Any:
        return self

    async def command(self, *arguments: Any, **options: Any) -> Any:
        return {"ok": 1}

    async def find_one(self, *arguments: Any) -> None:
        if self._hangs:
            await asyncio.Future()


class FakeRedis(Redis):
    """A Redis that answers pings."""

    def __init__(self) -> None:
        """Connect to nothing."""

    async def ping(self, **options: Any) -> bool:
        return True


@pytest.mark.parametrize(("hangs", "status"), [(False, 200), (True, 503)])
async def test_the_api_is_not_ready_while_reads_hang(
    monkeypatch: pytest.MonkeyPatch, hangs: bool, status: int
) -> None:
    monkeypatch.setattr(health, "PING_S", 0.01)
    app = FastAPI()
    app.include_router(health.router)
    app.state.stores = {AsyncDatabase: FakeDatabase(hangs), Redis: FakeRedis()}
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://api") as http:
        answer = await http.get("/ready")
    assert answer.status_code == status
    assert answer.json() == {"ready": not hangs, "mongo": not hangs, "redis": True}

# SPDX-License-Identifier: LGPL-2.1-or-later
"""The whole API in this process, over real stores."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from kci_api.app import create_app
from kci_api.settings import Settings
from kci_api.stores import Stores, open_stores
from kci_api.users.administrator import ensure_administrator

PASSWORD = "correct horse battery staple"


@pytest.fixture
def settings(mongo_url: str, redis_url: str) -> Settings:
    values: dict[str, Any] = {
        "mongo_url": mongo_url,
        "redis_url": redis_url,
        "secret_key": "0123456789abcdef" * 4,
        "admin_user": "admin",
        "admin_password": PASSWORD,
        "max_body": 10_000,
    }
    return Settings(**values)


@pytest.fixture
async def stores(settings: Settings) -> AsyncIterator[Stores]:
    async with open_stores(settings) as stores:
        await ensure_administrator(settings)
        yield stores


@pytest.fixture
async def http(stores: Stores) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(create_app(stores), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://api") as http:
        yield http


@pytest.fixture
async def admin(http: httpx.AsyncClient) -> dict[str, str]:
    """The headers of a request by the administrator."""
    form = {"username": "admin", "password": PASSWORD}
    answer = await http.post("/latest/user/login", data=form)
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}

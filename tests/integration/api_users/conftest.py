# SPDX-License-Identifier: LGPL-2.1-or-later
"""The API in this process with real stores, one per file."""

from collections.abc import AsyncIterator
from secrets import token_hex

import httpx
import pytest
import pytest_asyncio

from integration.answers import Json
from kci_api.app import create_app
from kci_api.settings import Settings
from kci_api.users.administrator import ensure_administrator
from kci_api.wiring import Stores, open_stores

PASSWORD = "correct horse battery staple"


@pytest.fixture(scope="module")
def settings(mongo_port: int, redis_port: int) -> Settings:
    values: Json = {
        "mongo_url": f"mongodb://127.0.0.1:{mongo_port}/{token_hex(6)}?directConnection=true",
        "redis_url": f"redis://127.0.0.1:{redis_port}/0",
        "secret_key": "0123456789abcdef" * 4,
        "admin_user": "admin",
        "admin_password": PASSWORD,
        "max_body": 10_000,
    }
    return Settings(**values)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stores(settings: Settings) -> AsyncIterator[Stores]:
    async with open_stores(settings) as stores:
        await ensure_administrator(settings)
        yield stores


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def http(stores: Stores) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(create_app(stores), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://api") as http:
        yield http


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def admin(http: httpx.AsyncClient) -> dict[str, str]:
    """Return the headers of a request by the administrator."""
    form = {"username": "admin", "password": PASSWORD}
    answer = await http.post("/latest/user/login", data=form)
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}

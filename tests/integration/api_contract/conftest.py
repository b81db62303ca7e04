# SPDX-License-Identifier: LGPL-2.1-or-later
"""Two replicas of the API on real ports, around the same real stores."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from secrets import token_hex

import pytest
import pytest_asyncio
import redis
import uvicorn
from httpx import AsyncClient

from integration.answers import Json, good
from kci_api.app import create_app
from kci_api.callers.documents import Group, UserDocument
from kci_api.resets import WatchedConnection
from kci_api.settings import Settings
from kci_api.users.administrator import ensure_administrator
from kci_api.wiring import Stores, open_stores
from kci_shared.server import QuietServer

# for plain HTTP: loading certificates would take most of the time
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
PASSWORD = "correct horse battery staple"
REVISION = {"tree": "t", "url": "https://t", "branch": "master", "commit": "c" * 40}


def free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass(frozen=True)
class Replica:
    """A replica of the API, served by this process."""

    stores: Stores
    url: str


@dataclass(frozen=True)
class Site:
    """Replicas and their clients."""

    replicas: list[Replica]
    clients: AsyncExitStack
    mongo_port: int
    redis_port: int

    @property
    def stores(self) -> Stores:
        return self.replicas[0].stores

    async def client(self, token: str | None = None, replica: int = 0) -> AsyncClient:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return await self.clients.enter_async_context(
            AsyncClient(
                base_url=f"{self.replicas[replica].url}/latest",
                headers=headers,
                timeout=60,
                verify=NO_TLS,
            )
        )

    async def service(self, *scopes: str, replica: int = 0) -> AsyncClient:
        """A client with a service's token of some scopes."""
        tokens = self.stores.authenticator
        name = f"service-{token_hex(4)}"
        token, _ = await tokens.issue(name, list(scopes), timedelta(hours=1))
        return await self.client(token, replica)

    async def person(self, name: str, *groups: str, replica: int = 0) -> AsyncClient:
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
        return await self.client(token, replica)

    async def at(self, other: AsyncClient, replica: int) -> AsyncClient:
        """The same caller at another replica."""
        token = other.headers["Authorization"].removeprefix("Bearer ")
        return await self.client(token, replica)


@asynccontextmanager
async def replica(settings: Settings) -> AsyncIterator[Replica]:
    port = free_port()
    async with open_stores(settings) as stores:
        config = uvicorn.Config(
            create_app(stores),
            http=WatchedConnection,
            port=port,
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=1,
            timeout_keep_alive=75,
        )
        server = QuietServer(config)
        task = asyncio.create_task(server.serve())
        while not server.started:
            await asyncio.sleep(0.01)
        yield Replica(stores, f"http://127.0.0.1:{port}")
        stores.subscriptions.close()
        server.should_exit = True
        await task


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(mongo_port: int, redis_port: int) -> AsyncIterator[Site]:
    with redis.Redis(port=redis_port) as streams:
        streams.flushall()
    values: Json = {
        "mongo_url": f"mongodb://127.0.0.1:{mongo_port}/{token_hex(6)}?directConnection=true",
        "redis_url": f"redis://127.0.0.1:{redis_port}/0",
        "secret_key": "0123456789abcdef" * 4,
        "admin_user": "admin",
        "admin_password": PASSWORD,
    }
    settings = Settings(**values)
    async with (
        replica(settings) as first,
        replica(settings) as second,
        AsyncExitStack() as clients,
    ):
        await ensure_administrator(settings)
        yield Site([first, second], clients, mongo_port, redis_port)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def admin(site: Site) -> AsyncClient:
    form = {"username": "admin", "password": PASSWORD}
    anybody = await site.client()
    answer = await good(anybody.post("/user/login", data=form))
    return await site.client(answer["access_token"])


@pytest.fixture
def a_checkout() -> Json:
    data = {"kernel_revision": REVISION}
    return {"kind": "checkout", "name": "checkout", "data": data}

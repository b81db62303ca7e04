# SPDX-License-Identifier: LGPL-2.1-or-later
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from kci_shared.channels import TokenAuth
from kci_shared.storage import Storage
from kci_storage.app import create_app
from kci_storage.artifacts import Artifacts, open_store
from kci_storage.authorizer import Authorizer

URL = "http://storage"
MAX_BYTES = 8 << 20


def whoami(request: httpx.Request) -> httpx.Response:
    """Answer as an API that knows one token."""
    known = request.headers["Authorization"] == "Bearer good"
    return httpx.Response(200 if known else 401, json={})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the service keeps artifacts."""
    return tmp_path / "store"


@pytest.fixture
async def http(folder: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the service."""
    artifacts = Artifacts(open_store(folder.as_uri()), MAX_BYTES)
    api_transport = httpx.MockTransport(whoami)
    async with httpx.AsyncClient(transport=api_transport, base_url="http://api") as api:
        app = create_app(artifacts, Authorizer(api), MAX_BYTES)
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url=URL) as client:
            yield client


@pytest.fixture
def storage(http: httpx.AsyncClient) -> Storage:
    """The service as other services see it."""
    http.auth = TokenAuth(lambda: "good")
    return Storage(http, URL, http)

# SPDX-License-Identifier: LGPL-2.1-or-later
from typing import Any

import httpx
import pytest
from bson.errors import InvalidId
from fastapi import FastAPI
from pymongo.errors import AutoReconnect, ExecutionTimeout, OperationFailure
from redis.exceptions import ConnectionError as RedisAway
from starlette.middleware import Middleware

from kci_api.app import HANDLED, answer_error
from kci_api.body_limits import BodyLimit
from kci_api.middleware import Instrumentation, VersionPrefix, rewrite
from kci_shared.errors import Conflict, NotLoggedIn, TooMany

ANSWERS = [
    (Conflict({"id": "n"}), 409, {"id": "n"}),
    (NotLoggedIn("Unauthorized"), 401, "Unauthorized"),
    (TooMany(), 429, "Too many requests."),
    (InvalidId("'zzz' is not valid"), 400, "'zzz' is not valid"),
    (ExecutionTimeout("slow"), 504, "the query took too long; ask for less"),
    (AutoReconnect("10.0.0.1 away"), 503, "a store is down; try again"),
    (RedisAway("10.0.0.1 away"), 503, "a store is down; try again"),
    (OperationFailure("bad $x"), 500, "Internal server error"),
    (KeyError("password"), 500, "Internal server error"),
]


def client(raised: Exception | None = None) -> httpx.AsyncClient:
    app = FastAPI(
        middleware=[
            Middleware(Instrumentation),
            Middleware(VersionPrefix),
            Middleware(BodyLimit, max_bytes=100),
        ],
        exception_handlers=dict.fromkeys(HANDLED, answer_error),
    )

    @app.get("/latest/thing")
    async def thing() -> str:
        if raised:
            raise raised
        return "thing"

    @app.post("/latest/thing")
    async def change(body: dict[str, Any]) -> int:
        return len(body)

    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://api")


@pytest.mark.parametrize(
    ("asked", "served"),
    [
        ("/latest/nodes", "/latest/nodes"),
        ("/v0/nodes/fast", "/latest/nodes/fast"),
        ("/nodes", "/latest/nodes"),
        ("/v0", "/"),
        ("/latest/", "/"),
        ("/v0/docs", "/docs"),
        ("/metrics", "/metrics"),
        ("/latestnodes", "/latest/latestnodes"),
        ("/viewer", "/viewer"),
        ("/latest/latest/x", "/latest/latest/x"),
    ],
)
def test_every_path_is_served_as_the_latest_version(asked: str, served: str) -> None:
    assert rewrite(asked) == served


@pytest.mark.parametrize("path", ["/latest/thing", "/v0/thing", "/thing"])
async def test_a_route_is_served_under_each_of_its_addresses(path: str) -> None:
    async with client() as http:
        assert (await http.get(path)).json() == "thing"


@pytest.mark.parametrize("version", ["v1", "v0.1", "v10"])
async def test_an_unsupported_version_is_named(version: str) -> None:
    async with client() as http:
        answer = await http.get(f"/{version}/thing")
    assert answer.status_code == 400
    assert answer.text == f"Unsupported API version: {version}"


@pytest.mark.parametrize(
    ("raised", "status", "detail"), ANSWERS, ids=lambda value: type(value).__name__
)
async def test_each_error_has_its_status_and_detail(
    raised: Exception, status: int, detail: object
) -> None:
    async with client(raised) as http:
        answer = await http.get("/thing")
    assert answer.status_code == status
    assert answer.json() == {"detail": detail}
    assert ("retry-after" in answer.headers) == (status in {429, 503, 504})
    assert ("www-authenticate" in answer.headers) == (status == 401)


async def test_a_body_has_a_maximum_size() -> None:
    async with client() as http:
        assert (await http.post("/thing", json={"x": 1})).json() == 1
        assert (await http.post("/thing", json={"x": "y" * 100})).status_code == 413


async def test_only_the_documentation_may_run_scripts() -> None:
    async with client() as http:
        docs, thing = await http.get("/docs"), await http.get("/thing")
    assert "script-src 'self'" in docs.headers["content-security-policy"]
    assert "default-src 'none'" in thing.headers["content-security-policy"]

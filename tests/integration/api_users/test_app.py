# SPDX-License-Identifier: LGPL-2.1-or-later
import re

import httpx
import pytest

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]


async def test_public_paths_are_served_under_every_prefix(
    http: httpx.AsyncClient,
) -> None:
    for path in (
        "/health",
        "/ready",
        "/metrics",
        "/docs",
        "/openapi.json",
        "/latest/docs",
        "/latest/events",
        "/v0/events",
        "/events",
    ):
        assert (await http.get(path)).status_code == 200, path


async def test_another_version_is_refused_in_plain_text(
    http: httpx.AsyncClient,
) -> None:
    answer = await http.get("/v1/events")
    assert answer.status_code == 400
    assert answer.text == "Unsupported API version: v1"
    assert answer.headers["content-type"].startswith("text/plain")


async def test_every_response_has_security_headers(http: httpx.AsyncClient) -> None:
    for path in ("/health", "/latest/nowhere", "/v1/x"):
        headers = (await http.get(path)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in headers["content-security-policy"]


async def test_a_body_that_is_too_large_or_of_unknown_length_is_refused_unread(
    http: httpx.AsyncClient,
) -> None:
    large = await http.post("/latest/node", json={"x": "y" * 10_000})
    chunked = {"Transfer-Encoding": "chunked"}
    unknown = await http.post("/latest/node", content=b"{}", headers=chunked)
    for answer in (large, unknown):
        assert answer.status_code == 413
        assert "Content-Length" in answer.json()["detail"]


async def test_requests_are_counted_by_route(http: httpx.AsyncClient) -> None:
    await http.get("/events?limit=1")
    counted = (await http.get("/metrics")).text
    assert 'kci_http_requests_total{method="GET",route="/events",status="200"}' in (
        counted
    )


async def test_the_documentation_has_the_routes(http: httpx.AsyncClient) -> None:
    paths = (await http.get("/openapi.json")).json()["paths"]
    for path in (
        "/latest/user/login",
        "/latest/whoami",
        "/latest/tokens",
        "/latest/tokens/{token_id}",
        "/latest/events",
        "/latest/events/stream",
    ):
        assert path in paths


async def test_errors_do_not_repeat_the_input(
    http: httpx.AsyncClient,
) -> None:
    body = b'{"kind": "job", "name": NaN, "password": "secret"}'
    headers = {"Content-Type": "application/json"}
    answer = await http.post("/latest/tokens", content=body, headers=headers)
    assert answer.status_code in (401, 422)
    form = {"username": "x", "pass": "secret"}
    answer = await http.post("/latest/user/login", data=form)
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["body", "password"]
    assert "secret" not in answer.text


async def test_links_in_mails_redirect_to_the_node(http: httpx.AsyncClient) -> None:
    answer = await http.get("/viewer?node_id=6b02e3dffe3cce038f7e6c05")
    assert answer.headers["location"] == "/latest/node/6b02e3dffe3cce038f7e6c05"


async def test_a_person_who_comes_by_gets_a_small_page(
    http: httpx.AsyncClient,
) -> None:
    for path in ("/latest/", "/v0/", "/latest", "/"):
        answer = await http.get(path)
        assert answer.status_code == 200, path
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert "<h1>KernelCI API</h1>" in answer.text
        assert "default-src 'none'" in answer.headers["content-security-policy"]
    for target in re.findall('href="([^"]+)"', answer.text):
        assert (await http.get(target)).status_code == 200, target

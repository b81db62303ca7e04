# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the database or a response cannot express is a 422 in each field."""

import json

import pytest
import pytest_asyncio
from httpx import AsyncClient

from integration.answers import Json
from integration.api_nodes.conftest import World

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

NODE = {"kind": "job", "name": "boot"}
NOWHERE = "0" * 24
HALF = "half \ud800"
HUGE = 2**63
DEEP = 100_000


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def admin(world: World) -> AsyncClient:
    return await world.service("administrator", "admin")


@pytest.mark.parametrize("text", [HALF, "nul \0", "x" * 70_000], ids=["half", "0", "x"])
@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("POST /node", NODE, "name"),
        ("POST /node", NODE, "group"),
        ("POST /node", NODE, "submitter"),
        ("POST /node", NODE, "treeid"),
        ("POST /node", NODE, "idempotency_key"),
        ("POST /node", NODE, "jobfilter[]"),
        ("POST /node", NODE, "platform_filter[]"),
        ("POST /node", NODE, "user_groups[]"),
        ("POST /node", NODE, "artifacts{}"),
        ("POST /claims", {"runtime": "lab", "platforms": []}, "runtime"),
        ("POST /claims", {"runtime": "lab", "platforms": []}, "platforms[]"),
        (f"POST /claims/{NOWHERE}/release", {"token": 1}, "reason"),
        ("POST /user/login", {"password": "x"}, "username"),
        ("POST /user/invite", {"username": "a", "email": "a@b"}, "groups[]"),
        ("POST /user/accept-invite", {"password": "long enough"}, "token"),
        ("POST /publish/x", {"data": 1}, "source"),
        ("PUT /runtimes/lab", {"kind": "labgrid"}, "message"),
        ("PUT /runtimes/lab", {"kind": "labgrid"}, "facts{}"),
    ],
)
async def test_a_text_that_cannot_be_stored_is_refused(
    admin: AsyncClient, path: str, body: Json, field: str, text: str
) -> None:
    name, kind = field[:-2], field[-2:]
    match kind:
        case "[]":
            changed = {**body, name: [text]}
        case "{}":
            changed = {**body, name: {text: "https://example.org/"}}
        case _:
            changed = {**body, field: text}
    await _refused(admin, path, changed)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("POST /node", {**NODE, "retry_counter": HUGE}),
        ("POST /node", {**NODE, "data": {"priority": HUGE}}),
        ("POST /node", {**NODE, HALF: 1}),
        ("POST /node", {**NODE, "data": {"a": {HALF: 1}}}),
        ("POST /node", {**NODE, "debug": {str(key): 1 for key in range(30_000)}}),
        (f"PUT /claims/{NOWHERE}", {"token": HUGE}),
        (f"POST /claims/{NOWHERE}/adopt", {"runtime": "lab", "attempt": -HUGE}),
        ("POST /publish/x", {"data": 1, "attributes": {"a": HUGE}}),
        ("POST /publish/x", {"data": [HUGE]}),
        ("PUT /runtimes/lab", {"kind": "k", "facts": {"a": float("inf")}}),
    ],
)
async def test_a_value_that_cannot_be_stored_is_refused(
    admin: AsyncClient, path: str, body: Json
) -> None:
    await _refused(admin, path, body)


@pytest.mark.parametrize(
    "body",
    [
        b"[" * DEEP,
        b'{"data": ' + b"[" * DEEP + b"]" * DEEP + b"}",
        b'{"child_nodes": [' * DEEP,
        b'{"data": ' + b'{"a": ' * DEEP + b"1" + b"}" * DEEP + b"}",
    ],
    ids=["open", "lists", "trees", "maps"],
)
async def test_a_deep_body_is_refused(admin: AsyncClient, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    for method, path in (("POST", "/node"), ("PUT", f"/nodes/{NOWHERE}")):
        answer = await admin.request(method, path, content=body, headers=headers)
        assert answer.status_code in (400, 413, 422)


async def test_a_body_of_too_many_values_is_refused(admin: AsyncClient) -> None:
    answer = await admin.post("/node", json={**NODE, "data": {"a": [1] * 500_000}})
    assert answer.status_code == 413
    assert "values" in answer.text


async def _refused(admin: AsyncClient, request: str, body: Json) -> None:
    method, path = request.split()
    if path == "/user/login":
        form = {key: value.replace(HALF, "\0") for key, value in body.items()}
        answer = await admin.request(method, path, data=form)
    else:
        headers = {"Content-Type": "application/json"}
        content = json.dumps(body)
        answer = await admin.request(method, path, content=content, headers=headers)
    assert answer.status_code == 422, answer.text

# SPDX-License-Identifier: LGPL-2.1-or-later
"""What kci-dev's requests become; the API, the storage and the web are fakes."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from kci_fakes.api import FakeApi
from kci_shared.config import Config
from kci_shared.models import NODE, NewNode, Node
from kci_trigger import app as application
from kci_trigger.app import RequestRoutes, create_app
from kci_trigger.permissions import Callers
from kci_trigger.requests import Requests

NOW = datetime(2026, 11, 1, tzinfo=UTC)
URL = "https://git.example.org/linux.git"
REVISION = {"tree": "mine", "url": URL, "branch": "master", "commit": "a" * 40}
PATCH = "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n"
WHO = {
    "admin": {"is_superuser": True, "groups": []},
    "service": {"is_superuser": False, "groups": [], "scopes": ["nodes:write"]},
    "patcher": {"is_superuser": False, "groups": [{"name": "patchset"}]},
    "lab": {"is_superuser": False, "groups": [], "scopes": ["runtime:lab"]},
}


def a_node(node_id: str, kind: str, **fields: Any) -> Node:
    data = {"kernel_revision": REVISION, **fields.pop("data", {})}
    return NODE.validate_python(
        {"id": node_id * 24, "kind": kind, "name": kind, "owner": "me", "data": data}
        | {"created": NOW, "updated": NOW, **fields}
    )


class World:
    """Everything around the application, in memory."""

    def __init__(self) -> None:
        self.api = FakeApi()
        self.api.put(
            a_node("a", "checkout"),
            a_node("b", "job", parent="a" * 24, state="done", data={"runtime": "x"}),
            a_node("c", "test", parent="b" * 24),
            a_node(
                "d",
                "checkout",
                data={"kernel_revision": {**REVISION, "patchset": "f"}},
            ),
        )
        self.stored: list[bytes] = []

    @property
    def created(self) -> list[NewNode]:
        """What was sent to the API to be created."""
        calls = [call for call in self.api.calls if call.method == "create"]
        return [call.content for call in calls]

    async def heads(self, url: str, branches: list[str]) -> dict[str, str]:
        return {"master": "b" * 40}

    async def put(self, name: str, content: bytes) -> str:
        self.stored.append(content)
        return f"http://s/{name}"

    def web(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/latest/whoami":
            name = request.headers["Authorization"].removeprefix("Bearer ")
            if name not in WHO:
                return httpx.Response(401)
            return httpx.Response(200, json={"username": name, **WHO[name]})
        if request.url.path == "/moved":
            return httpx.Response(302, headers={"Location": "http://127.0.0.1/"})
        return httpx.Response(200, text=PATCH)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
async def http(world: World) -> AsyncIterator[httpx.AsyncClient]:
    trees = {"mine": {"url": URL, "branches": {"master": {}}}}
    config = Config.model_validate({"trees": trees})
    transport = httpx.MockTransport(world.web)
    async with httpx.AsyncClient(transport=transport, base_url="http://api") as web:
        requests = Requests(lambda: config, world.api, world, world)
        routes = RequestRoutes(requests, Callers(web), web, ["lore.kernel.org"])
        app = httpx.ASGITransport(create_app(routes))
        async with httpx.AsyncClient(transport=app, base_url="http://trigger") as http:
            http.headers["Authorization"] = "admin"
            yield http


async def test_a_checkout_is_of_the_tip_if_no_commit_is_named(
    http: httpx.AsyncClient, world: World
) -> None:
    body = {"url": f"{URL}/", "branch": "master", "platformfilter": ["rpi"]}
    answer = await http.post("/api/checkout", json=body)
    made = world.api.one(name="checkout", submitter="user:admin")
    assert answer.json() == {
        "message": "OK",
        "node": {"id": made.id, "treeid": made.treeid},
    }
    [node] = world.created
    assert node.data["kernel_revision"] == {**REVISION, "commit": "b" * 40}
    assert (node.platform_filter, node.submitter) == (["rpi"], "user:admin")
    assert str(node.idempotency_key).startswith("asked/")


async def test_a_patchset_is_a_checkout_with_the_patches_digest(
    http: httpx.AsyncClient, world: World
) -> None:
    for more in (
        {"patch": [PATCH]},
        {"patchurl": ["https://lore.kernel.org/all/1/raw"]},
    ):
        answer = await http.post("/api/patchset", json={"nodeid": "a" * 24, **more})
        assert answer.status_code == 200, answer.text
    by_text, by_url = world.created
    assert by_text.data == by_url.data
    assert (by_text.name, by_text.artifacts) == (
        "patchset",
        {"patch0": "http://s/0000.patch"},
    )
    assert len(by_text.data["kernel_revision"]["patchset"]) == 64
    assert world.stored == [PATCH.encode()] * 2


@pytest.mark.parametrize(
    ("path", "body", "status", "reason"),
    [
        ("checkout", {"url": "https://evil/", "branch": "b"}, 400, "not of a config"),
        (
            "checkout",
            {"url": URL, "branch": "--upload-pack=x"},
            400,
            "not a valid branch name",
        ),
        ("checkout", {"url": URL, "branch": "gone"}, 400, "has no branch gone"),
        ("checkout", {"url": URL, "branch": "b", "commit": "--x"}, 422, "commit"),
        ("jobretry", {"nodeid": "f" * 24}, 404, "does not exist"),
        ("jobretry", {"nodeid": "../whoami"}, 422, "nodeid"),
        ("jobretry", {"nodeid": "c" * 24}, 400, "a test cannot run again"),
        ("patchset", {"nodeid": "b" * 24, "patch": [PATCH]}, 400, "is not a checkout"),
        ("patchset", {"nodeid": "d" * 24, "patch": [PATCH]}, 400, "patched itself"),
        ("patchset", {"nodeid": "a" * 24, "patch": ["x"]}, 400, "changes nothing"),
        ("patchset", {"nodeid": "a" * 24}, 400, "either patch or patchurl"),
        (
            *(
                "patchset",
                {"nodeid": "a" * 24, "patchurl": ["http://lore.kernel.org/"]},
            ),
            *(400, "not https on lore.kernel.org"),
        ),
        (
            *(
                "patchset",
                {"nodeid": "a" * 24, "patchurl": ["https://169.254.169.254/"]},
            ),
            *(400, "not https on"),
        ),
        (
            "patchset",
            {"nodeid": "a" * 24, "patchurl": ["https://lore.kernel.org/moved"]},
            *(400, "Redirect"),
        ),
    ],
)
async def test_a_request_that_cannot_be_served_says_why(
    http: httpx.AsyncClient,
    world: World,
    path: str,
    body: dict[str, Any],
    status: int,
    reason: str,
) -> None:
    answer = await http.post(f"/api/{path}", json=body)
    assert answer.status_code == status
    assert reason in answer.text
    assert world.created == []


@pytest.mark.parametrize(
    ("who", "path", "status"),
    [
        *(("Bearer admin", "checkout", 200), ("service", "checkout", 200)),
        *(("patcher", "checkout", 403), ("lab", "checkout", 403)),
        *(
            ("stranger", "checkout", 401),
            ("", "checkout", 401),
            ("a b", "checkout", 401),
        ),
    ],
)
async def test_a_request_needs_the_right_for_it(
    http: httpx.AsyncClient, who: str, path: str, status: int
) -> None:
    body = {"url": URL, "branch": "master"}
    headers = {"Authorization": who}
    answer = await http.post(f"/api/{path}", json=body, headers=headers)
    assert answer.status_code == status


async def test_a_body_is_refused_by_its_length_before_it_is_read(
    http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(application, "LARGEST_BODY_BYTES", 1000)
    body = {"nodeid": "a" * 24, "patch": ["x" * 1000]}
    assert (await http.post("/api/patchset", json=body)).status_code == 413
    assert (await http.post("/api/patchset", content=_endless())).status_code == 413


async def _endless() -> AsyncIterator[bytes]:
    yield b"{"


async def test_a_retry_is_the_next_attempt_beside_the_last(
    http: httpx.AsyncClient, world: World
) -> None:
    answer = await http.post("/api/jobretry", json={"nodeid": "b" * 24})
    assert answer.status_code == 200
    [node] = world.created
    assert (node.retry_counter, node.parent) == (1, "a" * 24)
    assert node.idempotency_key == f"{'a' * 24}/job/x/None/1"
    assert node.data == {"runtime": "x"}

# SPDX-License-Identifier: LGPL-2.1-or-later
import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from integration.conftest import Programs
from kci_api.callers.authenticator import CACHE_S
from kci_api.callers.documents import TokenDocument
from kci_api.settings import Settings
from kci_api.wiring import Stores, open_authenticator

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

Command = Callable[[str], Awaitable[str]]
WANTED = {"name": "scheduler", "scopes": ["nodes:write"], "expires_in": 3600}


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def issue(
    http: httpx.AsyncClient, admin: dict[str, str], **changes: Any
) -> httpx.Response:
    body = WANTED | changes
    return await http.post("/latest/tokens", json=body, headers=admin)


async def test_an_administrator_issues_a_token(
    http: httpx.AsyncClient, admin: dict[str, str]
) -> None:
    answer = await issue(http, admin)
    assert answer.status_code == 200
    made = answer.json()
    assert set(made) == {"token", "id", "name", "scopes", "created", "expires"}
    left = datetime.fromisoformat(made["expires"]) - datetime.now(UTC)
    assert timedelta(minutes=59) < left <= timedelta(hours=1)

    me = await http.get("/latest/whoami", headers=bearer(made["token"]))
    assert me.json()["username"] == "scheduler"
    assert me.json()["scopes"] == ["nodes:write"]


async def test_a_list_of_tokens_has_all_but_their_text(
    http: httpx.AsyncClient, admin: dict[str, str]
) -> None:
    made = (await issue(http, admin)).json()
    answer = await http.get("/latest/tokens", headers=admin)
    text = made.pop("token")
    assert made in answer.json()
    assert text not in answer.text


async def test_an_invalid_request_for_a_token_names_the_field(
    http: httpx.AsyncClient, admin: dict[str, str]
) -> None:
    bad: dict[str, list[Any]] = {
        "scopes": [["nodes:wrote"], ["node:1"]],
        "name": ["a b", "a@b", ""],
        "expires_in": [0],
        "scope": [[]],
    }
    for field, values in bad.items():
        for value in values:
            answer = await issue(http, admin, **{field: value})
            assert answer.status_code == 422
            assert field in answer.json()["detail"][0]["loc"]


async def test_a_service_cannot_issue_tokens(
    http: httpx.AsyncClient, admin: dict[str, str]
) -> None:
    service = bearer((await issue(http, admin)).json()["token"])
    for answer in (
        await issue(http, service),
        await http.get("/latest/tokens", headers=service),
        await http.delete("/latest/tokens/x", headers=service),
    ):
        assert answer.status_code == 403
        assert answer.json() == {"detail": "Forbidden"}


async def test_a_token_of_scope_admin_does_what_an_administrator_does(
    http: httpx.AsyncClient, admin: dict[str, str]
) -> None:
    token = (await issue(http, admin, scopes=["admin"])).json()["token"]
    assert (await issue(http, bearer(token))).status_code == 200


async def test_a_revoked_token_is_refused(
    http: httpx.AsyncClient, admin: dict[str, str]
) -> None:
    made = (await issue(http, admin)).json()
    service = bearer(made["token"])
    assert (await http.get("/latest/whoami", headers=service)).status_code == 200
    gone = await http.delete(f"/latest/tokens/{made['id']}", headers=admin)
    assert gone.status_code == 200
    assert (await http.get("/latest/whoami", headers=service)).status_code == 401
    again = await http.delete(f"/latest/tokens/{made['id']}", headers=admin)
    assert again.status_code == 404


async def test_a_revoked_token_is_refused_in_other_replicas_within_seconds(
    http: httpx.AsyncClient, admin: dict[str, str], settings: Settings
) -> None:
    made = (await issue(http, admin)).json()
    service = bearer(made["token"])
    assert (await http.get("/latest/whoami", headers=service)).status_code == 200
    await open_authenticator(settings).revoke(made["id"])
    async with asyncio.timeout(CACHE_S * 20):
        while (await http.get("/latest/whoami", headers=service)).is_success:
            await asyncio.sleep(0.1)
    assert (await http.get("/latest/whoami", headers=service)).status_code == 401


async def test_an_expired_token_is_refused_though_its_document_exists(
    http: httpx.AsyncClient, stores: Stores
) -> None:
    life = timedelta(seconds=-1)
    text, token = await stores.authenticator.issue("late", [], life)
    assert await TokenDocument.get(token.id) is not None
    answer = await http.get("/latest/whoami", headers=bearer(text))
    assert answer.status_code == 401


@pytest.fixture
def environment(settings: Settings) -> dict[str, str]:
    secret = settings.secret_key.read()
    return {"KCI_MONGO_URL": settings.mongo_url, "KCI_SECRET_KEY": secret}


@pytest.fixture
def token_command(programs: Programs, environment: dict[str, str]) -> Command:
    """Run `kci-api token`; return its output and its log."""

    async def run(arguments: str) -> str:
        output: str = await programs(f"kci-api token {arguments}", environment).run()
        return output

    return run


async def test_the_command_keeps_a_valid_token_and_replaces_others(
    http: httpx.AsyncClient, settings: Settings, tmp_path: Path, token_command: Command
) -> None:
    file = tmp_path / "bridge.token"
    create = f"create bridge --scope runtime:lab-x --out {file}"
    await token_command(create)
    first = file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600
    me = await http.get("/latest/whoami", headers=bearer(first))
    assert me.json()["scopes"] == ["runtime:lab-x"]

    await token_command(create)
    assert file.read_text() == first

    await open_authenticator(settings).revoke(me.json()["id"])
    await token_command(create)
    assert file.read_text() != first


async def test_without_a_file_the_command_prints_the_token(
    http: httpx.AsyncClient, environment: dict[str, str]
) -> None:
    program = Path(sys.executable).with_name("kci-api")
    process = await asyncio.create_subprocess_exec(
        program,
        "token",
        "create",
        "somebody",
        env={"PATH": os.environ["PATH"], **environment},
        stdout=asyncio.subprocess.PIPE,  # and nothing but the token is written there
    )
    printed, _ = await process.communicate()
    me = await http.get("/latest/whoami", headers=bearer(printed.decode().strip()))
    assert me.json()["username"] == "somebody"


async def test_the_command_lists_tokens_and_revokes_them(
    http: httpx.AsyncClient, token_command: Command
) -> None:
    output = await token_command("create lab-y --scope runtime:lab-y --days 2")
    text = output.split()[-1]
    listed = await token_command("list")
    [row] = [line.split() for line in listed.splitlines() if "lab-y" in line]
    assert row[1::2] == ["lab-y", "runtime:lab-y"]
    assert text not in listed
    await token_command(f"revoke {row[0]}")
    answer = await http.get("/latest/whoami", headers=bearer(text))
    assert answer.status_code == 401

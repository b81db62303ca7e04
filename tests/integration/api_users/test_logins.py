# SPDX-License-Identifier: LGPL-2.1-or-later

import httpx
import pytest
from pydantic import SecretStr

from integration.answers import USER_READ
from kci_api.callers.documents import UserDocument
from kci_api.settings import Settings
from kci_api.users.administrator import ensure_administrator
from kci_api.wiring import Stores
from kci_shared.secret import Secret

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

PASSWORD = "correct horse battery staple"


async def login(http: httpx.AsyncClient, **form: str) -> httpx.Response:
    return await http.post("/latest/user/login", data=form)


async def test_a_user_logs_in_by_name_or_address(http: httpx.AsyncClient) -> None:
    for name in ("admin", "admin@localhost"):
        answer = await login(http, username=name, password=PASSWORD)
        assert answer.status_code == 200
        assert list(answer.json()) == ["access_token", "token_type"]
        assert answer.json()["token_type"] == "bearer"
        assert answer.headers["cache-control"] == "no-store"


async def test_an_error_does_not_show_which_credential_was_wrong(
    http: httpx.AsyncClient,
) -> None:
    for name, password in (("admin", "wrong"), ("nobody", PASSWORD)):
        answer = await login(http, username=name, password=password)
        assert answer.status_code == 400
        assert answer.json() == {"detail": "LOGIN_BAD_CREDENTIALS"}


async def test_a_user_who_is_not_active_and_verified_cannot_log_in(
    http: httpx.AsyncClient,
) -> None:
    users = UserDocument.get_pymongo_collection()
    for lack in ("is_active", "is_verified"):
        await users.update_one({"username": "admin"}, {"$set": {lack: False}})
        answer = await login(http, username="admin", password=PASSWORD)
        assert answer.json() == {"detail": "LOGIN_BAD_CREDENTIALS"}
        await users.update_one({"username": "admin"}, {"$set": {lack: True}})


async def test_whoami_returns_the_user_as_clients_know_it(
    http: httpx.AsyncClient, admin: dict[str, str]
) -> None:
    me = (await http.get("/latest/whoami", headers=admin)).json()
    assert list(me) == USER_READ
    assert (me["username"], me["is_superuser"]) == ("admin", True)


async def test_without_a_valid_token_only_public_paths_are_served(
    http: httpx.AsyncClient,
) -> None:
    for sent in ("", "Bearer x.y.z", "eyJ.bare.token"):
        header = {"Authorization": sent}
        answer = await http.get("/latest/whoami", headers=header)
        assert answer.status_code == 401
        assert answer.json() == {"detail": "Unauthorized"}
        public = await http.get("/latest/events", headers=header)
        assert public.status_code == 200


async def test_a_logout_ends_the_login(http: httpx.AsyncClient) -> None:
    answer = await login(http, username="admin", password=PASSWORD)
    own = {"Authorization": f"Bearer {answer.json()['access_token']}"}
    assert (await http.get("/latest/whoami", headers=own)).status_code == 200
    answer = await http.post("/latest/user/logout", headers=own)
    assert answer.status_code == 204
    assert (await http.get("/latest/whoami", headers=own)).status_code == 401


async def test_the_administrator_is_created_once_and_not_changed(
    stores: Stores, settings: Settings
) -> None:
    await ensure_administrator(settings)
    [made] = await UserDocument.find_all().to_list()
    other = Secret("KCI_ADMIN_PASSWORD", SecretStr("another good one"))
    changed = settings.model_copy(update={"admin_password": other})
    await ensure_administrator(changed)
    [kept] = await UserDocument.find_all().to_list()
    assert made == kept


async def test_no_response_has_the_hash_of_a_password(
    http: httpx.AsyncClient, admin: dict[str, str]
) -> None:
    [user] = await UserDocument.find_all().to_list()
    assert user.hashed_password.startswith("$argon2id$")
    answer = await http.get("/latest/whoami", headers=admin)
    assert "argon2" not in answer.text

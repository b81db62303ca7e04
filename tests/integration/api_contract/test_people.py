# SPDX-License-Identifier: LGPL-2.1-or-later
"""Invitations, groups, passwords, and the limits of all of them."""

import asyncio
from secrets import token_hex
from typing import Any

import pytest
from httpx import AsyncClient

from integration.answers import USER_READ, Json, good
from integration.api_contract.conftest import Site

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

PATIENCE_S = 60
PASSWORD = "as good as any other"


def a_name() -> str:
    return f"carol-{token_hex(3)}"


async def invite(admin: AsyncClient, name: str, **more: Any) -> Any:
    body = {"username": name, "email": f"{name}@Example.org", "return_token": True}
    return await good(admin.post("/user/invite", json=body | more))


async def welcome(
    site: Site, admin: AsyncClient, name: str, **more: Any
) -> AsyncClient:
    """Invite a person, accept, and log in."""
    invited = await invite(admin, name, **more)
    anybody = await site.client()
    body = {"token": invited["token"], "password": PASSWORD}
    user = await good(anybody.post("/user/accept-invite", json=body))
    assert user["is_verified"] is True
    return await logged_in(site, name, PASSWORD)


async def logged_in(site: Site, name: str, password: str) -> AsyncClient:
    anybody = await site.client()
    form = {"username": name, "password": password}
    token = (await good(anybody.post("/user/login", data=form)))["access_token"]
    client: AsyncClient = await site.client(token)
    return client


async def test_an_invitation_can_be_accepted_once(
    site: Site, admin: AsyncClient
) -> None:
    name = a_name()
    invited = await invite(admin, name)
    assert list(invited) == [
        "user",
        "email_sent",
        "public_base_url",
        "accept_invite_url",
        "invite_url",
        "token",
    ]
    assert list(invited["user"]) == USER_READ
    assert invited["email_sent"] is False
    assert invited["token"] in invited["invite_url"]
    anybody = await site.client()
    form = {"username": name, "password": PASSWORD}
    assert (await anybody.post("/user/login", data=form)).status_code == 400
    body = {"token": invited["token"], "password": PASSWORD}
    await good(anybody.post("/user/accept-invite", json=body))
    again = await anybody.post("/user/accept-invite", json=body)
    assert (again.status_code, again.json()["detail"]) == (
        400,
        "Invite already accepted",
    )
    forged = body | {"token": invited["token"][:-2] + "xx"}
    answer = await anybody.post("/user/accept-invite", json=forged)
    assert answer.json()["detail"] == "Invalid invite token"
    as_login = await site.client(invited["token"])
    assert (await as_login.get("/whoami")).status_code == 401
    me = await good((await logged_in(site, name, PASSWORD)).get("/whoami"))
    assert (me["username"], me["email"]) == (name, f"{name}@example.org")


async def test_a_user_can_be_invited_again_until_they_accept(
    site: Site, admin: AsyncClient
) -> None:
    name = a_name()
    await invite(admin, name)
    body = {"username": name, "email": f"{name}@example.org"}
    assert (await admin.post("/user/invite", json=body)).status_code == 400
    more = {**body, "resend_if_exists": True, "return_token": True}
    token = (await good(admin.post("/user/invite", json=more)))["token"]
    anybody = await site.client()
    accept = {"token": token, "password": PASSWORD}
    await good(anybody.post("/user/accept-invite", json=accept))
    assert (await admin.post("/user/invite", json=more)).status_code == 400


async def test_only_an_administrator_manages_users(
    site: Site, admin: AsyncClient
) -> None:
    carol = await welcome(site, admin, a_name())
    me = (await good(carol.get("/whoami")))["id"]
    for answer in (
        await carol.post("/user/invite", json={"username": "x", "email": "x@y"}),
        await carol.get("/user/invite/url"),
        await carol.post("/user/register"),
        await carol.patch(f"/user/{me}", json={"is_superuser": True}),
        await carol.delete(f"/user/{me}"),
        await carol.get("/user-groups"),
        await carol.post("/user-groups", json={"name": "g"}),
        await carol.get("/stats/subscriptions"),
        await carol.get("/audit"),
    ):
        assert answer.status_code == 403, answer.request.url
        assert answer.json() == {"detail": "Forbidden"}
    changed = await good(carol.patch("/user/me", json={"is_superuser": True}))
    assert changed["is_superuser"] is False
    answer = await carol.patch("/user/me", json={"groups": []})
    assert answer.status_code == 400
    registered = await admin.post("/user/register")
    assert registered.status_code == 404
    assert "invite" in registered.json()["detail"]


async def test_users_are_added_to_and_removed_from_groups(
    site: Site, admin: AsyncClient
) -> None:
    group = f"node:edit:{token_hex(3)}"
    made = await good(admin.post("/user-groups", json={"name": group}))
    assert list(made) == ["name", "id"]
    assert (await admin.post("/user-groups", json={"name": group})).status_code == 400
    listed = await good(admin.get("/user-groups", params={"limit": 1000}))
    assert made in listed["items"]
    assert await good(admin.get(f"/user-groups/{made['id']}")) == made
    carol = await welcome(site, admin, a_name(), groups=[group])
    me = await good(carol.get("/whoami"))
    assert me["groups"] == [{"id": made["id"], "name": group}]
    assert (await admin.delete(f"/user-groups/{made['id']}")).status_code == 409
    url = f"/user/{me['id']}"
    assert (await admin.patch(url, json={"groups": ["none"]})).status_code == 400
    assert (await good(admin.patch(url, json={"groups": []})))["groups"] == []
    assert (await good(carol.get("/whoami")))["groups"] == []
    assert (await admin.delete(f"/user-groups/{made['id']}")).status_code == 204
    assert (await admin.get(f"/user-groups/{made['id']}")).status_code == 404


async def test_members_of_a_group_edit_the_nodes_that_name_it(
    site: Site, admin: AsyncClient, a_checkout: Json
) -> None:
    group = f"friends-{token_hex(3)}"
    body = {**a_checkout, "user_groups": [group]}
    unknown = await admin.post("/node", json=body)
    assert unknown.status_code == 400
    assert unknown.json()["detail"] == f"User group does not exist with name: {group}"
    await good(admin.post("/user-groups", json={"name": group}))
    node = await good(admin.post("/node", json=body))
    friend = await welcome(site, admin, a_name(), groups=[group])
    stranger = await welcome(site, admin, a_name())
    url = f"/node/{node['id']}"
    await good(friend.patch(url, json={"data": {"x": 1}}))
    answer = await stranger.patch(url, json={"data": {"x": 1}})
    assert answer.status_code == 401
    assert answer.json()["detail"] == "Unauthorized to complete the operation"


async def test_only_administrators_see_e_mail_addresses(
    site: Site, admin: AsyncClient
) -> None:
    name = a_name()
    carol = await welcome(site, admin, name)
    for_admin = await good(admin.get("/users", params={"username": name}))
    assert list(for_admin) == ["items", "total", "limit", "offset"]
    assert for_admin["items"][0]["email"] == f"{name}@example.org"
    others = (await good(carol.get("/users", params={"username": "admin"})))["items"]
    assert [one["email"] for one in others] == [""]
    url = f"/user/{for_admin['items'][0]['id']}"
    assert (await good(carol.get(url)))["email"] == f"{name}@example.org"
    asked = await carol.get("/users", params={"email": "admin@localhost"})
    assert asked.status_code == 422
    assert (await admin.get("/users", params={"hashed_password": "x"})).is_client_error
    assert (await admin.get("/users?$where=1")).status_code == 422
    assert (await admin.get(f"/user/{'0' * 24}")).status_code == 404
    assert (await admin.get("/user/zzz")).status_code == 400


async def test_the_name_of_an_owner_of_nodes_cannot_be_taken(
    site: Site, admin: AsyncClient, a_checkout: Json
) -> None:
    service = await site.service("nodes:write")
    owner = (await good(service.post("/node", json=a_checkout)))["owner"]
    carol = await welcome(site, admin, a_name())
    for taken in (owner, "admin"):
        answer = await carol.patch("/user/me", json={"username": taken})
        assert answer.status_code == 400, answer.text
    new = a_name()
    changed = await good(carol.patch("/user/me", json={"username": new}))
    assert changed["username"] == new
    assert (await good(carol.get("/whoami")))["username"] == new


async def test_a_new_password_ends_the_logins_of_the_old_one(
    site: Site, admin: AsyncClient
) -> None:
    name = a_name()
    carol = await welcome(site, admin, name)
    anybody = await site.client()
    form = {"username": name, "password": PASSWORD, "new_password": "a better one"}
    wrong = form | {"password": "wrong"}
    answer = await anybody.post("/user/update-password", data=wrong)
    assert answer.json() == {"detail": "LOGIN_BAD_CREDENTIALS"}
    assert await good(anybody.post("/user/update-password", data=form)) is None
    assert (await carol.get("/whoami")).status_code == 401
    await logged_in(site, name, "a better one")


async def test_a_change_of_ones_own_password_keeps_the_login_in_use(
    site: Site, admin: AsyncClient
) -> None:
    name = a_name()
    used = await welcome(site, admin, name)
    form = {"username": name, "password": PASSWORD, "new_password": "a better one"}
    other = await logged_in(site, name, PASSWORD)
    assert await good(used.post("/user/update-password", data=form)) is None
    assert (await good(used.get("/whoami")))["username"] == name
    assert (await other.get("/whoami")).status_code == 401
    other = await logged_in(site, name, "a better one")
    await good(used.patch("/user/me", json={"password": "the best one"}))
    assert (await good(used.get("/whoami")))["username"] == name
    assert (await other.get("/whoami")).status_code == 401


async def test_a_change_of_anothers_password_ends_all_their_logins(
    site: Site, admin: AsyncClient
) -> None:
    name = a_name()
    carol = await welcome(site, admin, name)
    dave = await welcome(site, admin, a_name())
    form = {"username": name, "password": PASSWORD, "new_password": "a better one"}
    await good(dave.post("/user/update-password", data=form))
    assert (await carol.get("/whoami")).status_code == 401
    carol = await logged_in(site, name, "a better one")
    user_id = (await good(carol.get("/whoami")))["id"]
    await good(admin.patch(f"/user/{user_id}", json={"password": "the best one"}))
    assert (await carol.get("/whoami")).status_code == 401
    for other in (dave, admin):
        assert (await other.get("/whoami")).status_code == 200


async def test_a_link_to_reset_a_password_works_once(
    site: Site, admin: AsyncClient
) -> None:
    name = a_name()
    await welcome(site, admin, name)
    anybody = await site.client()
    for email in (f"{name}@example.org", "nobody@example.org"):
        answer = await anybody.post("/user/forgot-password", json={"email": email})
        assert (answer.status_code, answer.json()) == (202, None)
    asked = {"email": f"{name}@example.org"}
    link = await good(admin.post("/user/forgot-password", json=asked))
    body = {"token": link["token"], "password": "one of memory"}
    reset = await good(anybody.post("/user/reset-password", json=body))
    assert list(reset) == USER_READ
    again = await anybody.post("/user/reset-password", json=body)
    assert again.status_code == 400
    await logged_in(site, name, "one of memory")


async def test_the_login_of_a_removed_user_ends_at_once(
    site: Site, admin: AsyncClient
) -> None:
    carol = await welcome(site, admin, a_name())
    me = (await good(carol.get("/whoami")))["id"]
    assert await good(admin.delete(f"/user/{me}")) is None
    assert (await carol.get("/whoami")).status_code == 401
    assert (await admin.delete(f"/user/{me}")).status_code == 404


async def test_a_revoked_token_is_refused_everywhere_within_seconds(
    site: Site, admin: AsyncClient
) -> None:
    request = {"name": "short", "scopes": ["nodes:write"]}
    made = await good(admin.post("/tokens", json=request))
    here = await site.client(made["token"])
    there = await site.client(made["token"], 1)
    for client in (here, there):
        await good(client.get("/whoami"))
    await good(admin.delete(f"/tokens/{made['id']}"))
    assert (await here.get("/whoami")).status_code == 401
    async with asyncio.timeout(PATIENCE_S):
        while (await there.get("/whoami")).is_success:
            await asyncio.sleep(0.1)


async def test_attempts_to_log_in_are_limited_across_replicas(
    site: Site, admin: AsyncClient
) -> None:
    name = a_name()
    await welcome(site, admin, name)
    form = {"username": name, "password": "a guess"}
    replicas = [await site.client(), await site.client(replica=1)]
    answers = [await replicas[n % 2].post("/user/login", data=form) for n in range(11)]
    assert {answer.status_code for answer in answers[:9]} == {400}
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["retry-after"]) > 0
    good_one = await replicas[1].post(
        "/user/login", data={"username": name, "password": PASSWORD}
    )
    assert good_one.status_code == 429, "not even the right one, for now"
    other = {"username": "admin", "password": "correct horse battery staple"}
    assert (await replicas[0].post("/user/login", data=other)).is_success


async def test_the_audit_trail_has_changes_without_secrets(
    site: Site, admin: AsyncClient
) -> None:
    name = a_name()
    carol = await welcome(site, admin, name)
    me = (await good(carol.get("/whoami")))["id"]
    await good(admin.patch(f"/user/{me}", json={"is_superuser": True}))
    await good(admin.patch(f"/user/{me}", json={"password": "a secret word"}))
    trail = await good(admin.get("/audit", params={"on": name}))
    entries = [(one["by"], one["action"], one["fields"]) for one in trail]
    assert entries == [
        ("admin", "password changed", {}),
        ("admin", "user changed", {"is_superuser": True}),
        (name, "user changed", {"is_verified": True}),
        ("admin", "user invited", {}),
    ]
    assert "argon2" not in str(trail)


async def test_a_node_has_a_trail_of_its_changes(
    site: Site, admin: AsyncClient, a_checkout: Json
) -> None:
    service = await site.service("nodes:write")
    node = await good(service.post("/node", json=a_checkout))
    url = f"/node/{node['id']}"
    await good(admin.patch(f"{url}?noevent=true", json={"data": {"x": 1}}))
    child = {"kind": "kbuild", "name": "build"}
    tree = {"node": {**a_checkout, "state": "available"}, "child_nodes": [child]}
    tree["child_nodes"] = [{"node": child}]
    await good(service.put(f"/nodes/{node['id']}", json=tree))
    trail = await good(admin.get(f"{url}/trail"))
    assert [(one["version"], one["by"], one["fields"]) for one in trail] == [
        (1, node["owner"], []),
        (2, "admin", ["data"]),
        (3, node["owner"], ["state"]),
    ]
    assert "trail" not in await good(admin.get(url))
    anybody = await site.client()
    assert (await anybody.get(f"{url}/trail")).status_code == 401
    assert (await admin.get(f"/node/{'0' * 24}/trail")).status_code == 404

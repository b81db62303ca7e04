# SPDX-License-Identifier: LGPL-2.1-or-later
import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from beanie import PydanticObjectId

from kci_api.callers.authenticator import CACHE_S, Authenticator
from kci_api.callers.documents import Token, UserDocument
from kci_api.callers.passwords import Passwords
from kci_api.callers.signer import Signer
from kci_api.users.token_file import TokenRequest, ensure_token
from kci_shared.errors import BadRequest, NotFound, NotLoggedIn

KEY = "0123456789abcdef" * 2
HOUR = timedelta(hours=1)
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


class FakeUsers:
    """Users and tokens in memory; counts look-ups."""

    def __init__(self) -> None:
        self.tokens: dict[str, Token] = {}
        self.users: dict[Any, UserDocument] = {}
        self.lookups = 0
        self.answers = asyncio.Event()
        """Set unless look-ups shall wait."""
        self.answers.set()

    async def find(self, login: str) -> UserDocument | None:
        return next((u for u in self.users.values() if u.username == login), None)

    async def add_token(self, token: Token) -> None:
        self.tokens[token.id] = token

    async def holder(self, token_id: str) -> tuple[Token, UserDocument | None]:
        self.lookups += 1
        await self.answers.wait()
        if token_id not in self.tokens:
            raise NotFound
        token = self.tokens[token_id]
        return token, self.users.get(token.user)

    async def service_tokens(self) -> list[Token]:
        return [token for token in self.tokens.values() if token.user is None]

    async def revoke(self, token_id: str) -> None:
        del self.tokens[token_id]


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC).timestamp()

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def users() -> FakeUsers:
    return FakeUsers()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def authenticator(users: FakeUsers, clock: Clock) -> Authenticator:
    made = Authenticator(users, Signer(KEY), clock=clock)
    made._passwords = Passwords(CHEAP)
    return made


def a_user(**changes: Any) -> UserDocument:
    values = {
        "id": PydanticObjectId(),
        "username": "alice",
        "hashed_password": CHEAP.hash("wonderland"),
        "is_active": True,
        "is_verified": True,
        "is_superuser": False,
        "groups": [],
    }
    user: UserDocument = UserDocument.model_construct(**values | changes)
    return user


async def test_a_look_up_of_a_token_is_cached(
    authenticator: Authenticator, users: FakeUsers, clock: Clock
) -> None:
    text, _ = await authenticator.issue("bridge", ["runtime:x"], HOUR)
    for _ in range(10):
        session = await authenticator.session(text)
    assert session.caller.scopes == frozenset({"runtime:x"})
    assert users.lookups == 1
    clock.now += CACHE_S + 0.1
    await authenticator.session(text)
    assert users.lookups == 2


async def test_the_cache_ends_when_the_token_expires(
    authenticator: Authenticator, clock: Clock
) -> None:
    text, token = await authenticator.issue("late", [], HOUR)
    clock.now = token.expires.timestamp() - CACHE_S / 2
    await authenticator.session(text)
    fresh_until, _ = authenticator._cache[text]
    assert fresh_until == token.expires.timestamp()


async def test_a_revoked_token_is_refused_at_once(
    authenticator: Authenticator,
) -> None:
    text, token = await authenticator.issue("bridge", [], HOUR)
    await authenticator.session(text)
    await authenticator.revoke(token.id)
    with pytest.raises(NotLoggedIn, match="Unauthorized"):
        await authenticator.session(text)


async def test_a_forged_token_is_refused_without_a_look_up(
    authenticator: Authenticator, users: FakeUsers
) -> None:
    _, token = await authenticator.issue("bridge", [], HOUR)
    head, body, _ = Signer(KEY).write(token).split(".")
    unsigned = f"eyJhbGciOiJub25lIn0.{body}."
    for text in (Signer("x" * 32).write(token), f"{head}.{body}.", unsigned, "", "é"):
        with pytest.raises(NotLoggedIn, match="Unauthorized"):
            await authenticator.session(text)
    assert users.lookups == 0


async def test_the_caller_of_a_login_is_its_user(
    authenticator: Authenticator, users: FakeUsers
) -> None:
    alice = a_user(is_superuser=True)
    users.users[alice.id] = alice
    text = await authenticator.login("alice", "wonderland")
    caller = (await authenticator.session(text)).caller
    assert (caller.name, caller.is_superuser, caller.scopes) == ("alice", True, None)


@pytest.mark.parametrize("lack", ["is_active", "is_verified"])
async def test_inactive_and_unverified_users_cannot_log_in(
    authenticator: Authenticator, users: FakeUsers, lack: str
) -> None:
    alice = a_user(**{lack: False})
    users.users[alice.id] = alice
    with pytest.raises(BadRequest, match="LOGIN_BAD_CREDENTIALS"):
        await authenticator.login("alice", "wonderland")


async def test_a_login_ends_when_its_user_is_deactivated(
    authenticator: Authenticator, users: FakeUsers, clock: Clock
) -> None:
    alice = a_user()
    users.users[alice.id] = alice
    text = await authenticator.login("alice", "wonderland")
    await authenticator.session(text)
    users.users[alice.id] = a_user(id=alice.id, is_active=False)
    clock.now += CACHE_S + 0.1
    with pytest.raises(NotLoggedIn):
        await authenticator.session(text)


@pytest.mark.parametrize(
    "kept",
    [None, "", "not a hash", pytest.param(CHEAP.hash("other"), id="of another")],
)
async def test_a_password_matches_only_its_own_hash(kept: str | None) -> None:
    assert not await Passwords(CHEAP).matches("wonderland", kept)


async def test_no_password_matches_a_missing_hash() -> None:
    assert not await Passwords(CHEAP).matches("", None)


async def test_a_file_keeps_a_token_until_half_of_its_life_is_over(
    authenticator: Authenticator, clock: Clock, tmp_path: Path
) -> None:
    file = tmp_path / "token"
    request = TokenRequest("bridge", ["runtime:x", "nodes:write"], HOUR)
    await ensure_token(authenticator, request, file)
    first = file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600
    await ensure_token(authenticator, request, file)
    assert file.read_text() == first

    longer = TokenRequest("bridge", ["nodes:write", "runtime:x"], HOUR * 3)
    await ensure_token(authenticator, longer, file)
    second = file.read_text()
    assert second != first

    other = TokenRequest("bridge", ["nodes:write"], HOUR * 3)
    await ensure_token(authenticator, other, file)
    assert file.read_text() != second
    assert [path.name for path in tmp_path.iterdir()] == ["token"]


async def test_a_thousand_requests_at_once_share_one_look_up(
    authenticator: Authenticator, users: FakeUsers
) -> None:
    text, _ = await authenticator.issue("bridge", [], HOUR)
    users.answers.clear()
    asked = [asyncio.create_task(authenticator.session(text)) for _ in range(1000)]
    await asyncio.sleep(0)
    asked[0].cancel()  # one who goes away does not end it for the others
    await asyncio.sleep(0)
    users.answers.set()
    sessions = await asyncio.gather(*asked[1:])
    assert {session.caller.name for session in sessions} == {"bridge"}
    assert users.lookups == 1


async def test_a_look_up_from_before_a_change_is_not_kept(
    authenticator: Authenticator, users: FakeUsers
) -> None:
    text, _ = await authenticator.issue("bridge", [], HOUR)
    users.answers.clear()
    before = asyncio.create_task(authenticator.session(text))
    await asyncio.sleep(0)
    authenticator.clear_cache()
    users.answers.set()
    await before
    await authenticator.session(text)
    assert users.lookups == 2


async def test_all_who_share_a_look_up_that_fails_are_refused(
    authenticator: Authenticator, users: FakeUsers
) -> None:
    text, token = await authenticator.issue("bridge", [], HOUR)
    await users.revoke(token.id)
    asked = (authenticator.session(text) for _ in range(10))
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert all(isinstance(one, NotLoggedIn) for one in answers)
    with pytest.raises(NotLoggedIn):
        await authenticator.session(text)
    assert users.lookups == 2

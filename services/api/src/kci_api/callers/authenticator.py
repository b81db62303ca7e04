# SPDX-License-Identifier: LGPL-2.1-or-later
"""Issue tokens, and find the caller of a token: looked up once, then cached."""

import asyncio
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from kci_api.callers.documents import Token, UserDocument
from kci_api.callers.passwords import Passwords
from kci_api.callers.rules import Caller, service_caller
from kci_api.callers.signer import Signer
from kci_shared.errors import BadRequest, NotFound, NotLoggedIn

CACHE_S = 3.0
"""How long a look-up is cached: so long a revoked token may still be accepted."""
MAX_CACHED = 10_000


@dataclass(frozen=True)
class Session:
    """A valid token and its holder."""

    token: Token
    user: UserDocument | None
    caller: Caller


class Users(Protocol):
    """Where users and tokens are stored."""

    async def find(self, login: str) -> UserDocument | None:
        """Return a user by name or e-mail address; None if there is no such user."""

    async def add_token(self, token: Token) -> None:
        """Store a new token, which makes it valid."""

    async def holder(self, token_id: str) -> tuple[Token, UserDocument | None]:
        """Return a valid token, and its user if it is a login; or raise `NotFound`."""

    async def service_tokens(self) -> Sequence[Token]:
        """Return the valid tokens of services, oldest first."""

    async def revoke(self, token_id: str) -> None:
        """Revoke a token; `NotFound` if it is not valid."""


class Authenticator:
    """Issues, verifies and revokes tokens."""

    def __init__(
        self,
        users: Users,
        signer: Signer,
        login_life: timedelta = timedelta(hours=12),
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._users = users
        self._signer = signer
        self._login_life = login_life
        self._clock = clock
        self._passwords = Passwords()
        self._cache: dict[str, tuple[float, Session]] = {}
        self._look_ups: dict[str, asyncio.Task[Session]] = {}
        """Those that have not ended yet, by the text of the token."""

    async def check(self, login: str, password: str) -> UserDocument:
        """Return a user by name or address; `BadRequest` if the password is wrong."""
        user = await self._users.find(login)
        matches = await self._passwords.matches(password, user and user.hashed_password)
        if user is None or not matches or not (user.is_active and user.is_verified):
            raise BadRequest("LOGIN_BAD_CREDENTIALS")
        return user

    async def login(self, login: str, password: str) -> str:
        """Return a token for a user; `BadRequest` if the password is wrong."""
        user = await self.check(login, password)
        token = self._new_token(user.username, self._login_life)
        token.user = user.id
        return await self._store(token)

    async def issue(
        self, name: str, scopes: list[str], life: timedelta
    ) -> tuple[str, Token]:
        """Issue a token to a service; return its text, and what is stored of it."""
        token = self._new_token(name, life)
        token.scopes = scopes
        return await self._store(token), token

    def _new_token(self, name: str, life: timedelta) -> Token:
        now = datetime.fromtimestamp(int(self._clock()), UTC)
        return Token(
            id=secrets.token_hex(16), name=name, created=now, expires=now + life
        )

    async def _store(self, token: Token) -> str:
        await self._users.add_token(token)
        return self._signer.write(token)

    async def service_tokens(self) -> Sequence[Token]:
        """Return the valid tokens of services, oldest first."""
        return await self._users.service_tokens()

    async def revoke(self, token_id: str) -> None:
        """Revoke a token: here at once, in other replicas within `CACHE_S` seconds."""
        await self._users.revoke(token_id)
        self.clear_cache()

    def clear_cache(self) -> None:
        """Look up all holders again, because some of them changed."""
        self._cache.clear()
        self._look_ups.clear()

    async def session(self, text: str) -> Session:
        """Return the session of a token; `NotLoggedIn` if it is not valid."""
        now = self._clock()
        fresh_until, session = self._cache.get(text, (0.0, None))
        if session is not None and now < fresh_until:
            return session
        token_id = self._signer.read(text)
        # all who ask at once, such as polls that an event woke, share one look-up
        look_up = self._look_ups.get(text)
        if look_up is None:
            look_up = asyncio.create_task(self._look_up(token_id))
            self._look_ups[text] = look_up
            look_up.add_done_callback(lambda done: self._looked_up(text, now, done))
        return await asyncio.shield(look_up)

    def _looked_up(
        self, text: str, asked: float, look_up: asyncio.Task[Session]
    ) -> None:
        failed = look_up.cancelled() or look_up.exception() is not None
        if self._look_ups.get(text) is not look_up:
            return  # the cache was cleared meanwhile
        del self._look_ups[text]
        if failed:
            return
        session = look_up.result()
        if len(self._cache) >= MAX_CACHED:
            self._cache.clear()
        until = min(asked + CACHE_S, session.token.expires.timestamp())
        self._cache[text] = (until, session)

    async def _look_up(self, token_id: str) -> Session:
        try:
            token, user = await self._users.holder(token_id)
        except NotFound as error:
            raise NotLoggedIn("Unauthorized") from error
        if token.user is None:
            caller = service_caller(token.name, frozenset(token.scopes))
        elif user is None or not user.is_active:
            raise NotLoggedIn("Unauthorized")
        else:
            groups = frozenset(group.name for group in user.groups)
            caller = Caller(user.username, user.is_superuser, groups)
        return Session(token, user, caller)

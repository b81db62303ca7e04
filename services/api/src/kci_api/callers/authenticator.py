# SPDX-License-Identifier: LGPL-2.1-or-later
"""From a token to its caller: looked up once, then remembered for some seconds."""

import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from kci_api.callers.documents import Token, UserDocument
from kci_api.callers.passwords import Passwords
from kci_api.callers.rules import Caller, service_caller
from kci_api.callers.store import UserStore
from kci_api.callers.tokens import Signer
from kci_shared.errors import BadRequest, NotFound, NotLoggedIn

CACHE_S = 3.0
"""How long a token is believed without a look at the store: a revoked one's life."""
MAX_CACHED = 10_000


@dataclass(frozen=True)
class Session:
    """A good token and who holds it."""

    token: Token
    user: UserDocument | None
    caller: Caller


class Authenticator:
    """Gives out tokens, and knows them again."""

    def __init__(
        self,
        users: UserStore,
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

    async def check(self, login: str, password: str) -> UserDocument:
        """Return the user of that name or address and password."""
        user = await self._users.find(login)
        fits = await self._passwords.matches(password, user and user.hashed_password)
        if user is None or not fits or not (user.is_active and user.is_verified):
            raise BadRequest("LOGIN_BAD_CREDENTIALS")
        return user

    async def login(self, login: str, password: str) -> str:
        """Return a token for the user of that name or address and password."""
        user = await self.check(login, password)
        token = self._new_token(user.username, self._login_life)
        token.user = user.id
        return await self._give(token)

    async def issue(
        self, name: str, scopes: list[str], life: timedelta
    ) -> tuple[str, Token]:
        """Return a service's token, as text and as it is kept."""
        token = self._new_token(name, life)
        token.scopes = scopes
        return await self._give(token), token

    def _new_token(self, name: str, life: timedelta) -> Token:
        now = datetime.fromtimestamp(int(self._clock()), UTC)
        return Token(
            id=secrets.token_hex(16), name=name, created=now, expires=now + life
        )

    async def _give(self, token: Token) -> str:
        await self._users.add_token(token)
        return self._signer.write(token)

    async def service_tokens(self) -> Sequence[Token]:
        """Return the services' tokens, oldest first."""
        return await self._users.service_tokens()

    async def revoke(self, token_id: str) -> None:
        """Make a token good for nothing: here now, in other replicas within seconds."""
        await self._users.revoke(token_id)
        self.forget()

    def forget(self) -> None:
        """Look again who holds a token: here now, in other replicas within seconds."""
        self._cache.clear()

    async def session(self, text: str) -> Session:
        """Return who holds a token; `NotLoggedIn` unless it is good."""
        now = self._clock()
        fresh_until, session = self._cache.get(text, (0.0, None))
        if session is not None and now < fresh_until:
            return session
        session = await self._look_up(self._signer.read(text))
        if len(self._cache) >= MAX_CACHED:
            self._cache.clear()
        until = min(now + CACHE_S, session.token.expires.timestamp())
        self._cache[text] = (until, session)
        return session

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

# SPDX-License-Identifier: LGPL-2.1-or-later
"""Logging in and out over HTTP."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.security import OAuth2PasswordRequestForm
from pydantic import BaseModel, ConfigDict

from kci_api.callers.auth import CurrentSession, OptionalSession, Tokens
from kci_api.callers.rules import Email, Password
from kci_api.dependencies import find_store, store_of
from kci_api.links import Links, links
from kci_api.logins.limits import LoginLimits
from kci_api.users.accounts import Accounts
from kci_api.users.wire import UserRead, read_user

router = APIRouter(prefix="/user", tags=["users"])

AccountsHere = Annotated[Accounts, Depends(store_of(Accounts))]
SentPassword = Annotated[str, Form(max_length=1024)]


class Login(BaseModel):
    """The answer to a login."""

    access_token: str
    token_type: Literal["bearer"] = "bearer"  # noqa: S105 - not a password


class Forgotten(BaseModel):
    """Whose password is forgotten."""

    model_config = ConfigDict(extra="forbid")

    email: Email


class Reset(BaseModel):
    """A new password, and the token that allows to set it."""

    model_config = ConfigDict(extra="forbid")

    token: str
    password: Password


class ResetLink(BaseModel):
    """What an administrator hands on to who has forgotten the password."""

    reset_url: str
    token: str


class Attempts:
    """One client's attempts at passwords."""

    def __init__(self, request: Request) -> None:
        self._limits = find_store(request, LoginLimits)
        self._address = request.client.host if request.client else ""

    async def count(self, login: str) -> None:
        """Count one; `TooMany` if there were too many."""
        await self._limits.check(self._address, _short(login))

    async def forgive(self, login: str) -> None:
        """Forget them: the last one was good."""
        await self._limits.forgive(self._address, _short(login))


async def attempts(request: Request) -> Attempts:
    """Return the attempts of whoever sent a request."""
    return Attempts(request)


Tries = Annotated[Attempts, Depends(attempts)]


@router.post("/login")
async def login(
    form: Annotated[OAuth2PasswordRequestForm, Depends()],
    tokens: Tokens,
    tries: Tries,
    response: Response,
) -> Login:
    """Log in by name or e-mail address and password; 429 after too many attempts."""
    await tries.count(form.username)
    token = await tokens.login(form.username, form.password)
    await tries.forgive(form.username)
    response.headers["Cache-Control"] = "no-store"
    return Login(access_token=token)


@router.post("/logout", status_code=204)
async def logout(session: CurrentSession, tokens: Tokens) -> None:
    """End the login, or the service's token, that this request carries."""
    await tokens.revoke(session.token.id)


@router.post("/update-password")
async def update_password(
    username: SentPassword,
    password: SentPassword,
    new_password: Annotated[Password, Form()],
    accounts: AccountsHere,
    tries: Tries,
) -> None:
    """Change a password; whoever is logged in with the old one is logged out."""
    await tries.count(username)
    await accounts.update_password(username, password, new_password)
    await tries.forgive(username)


@router.post("/forgot-password", status_code=202)
async def forgot_password(
    forgotten: Forgotten,
    accounts: AccountsHere,
    session: OptionalSession,
    links: Annotated[Links, Depends(links)],
    response: Response,
) -> ResetLink | None:
    """Ask for a new password; the answer does not tell who exists.

    The API sends no mail. An administrator who asks gets the link, to hand it on.
    """
    if session is None or not session.caller.is_superuser:
        return None
    token = await accounts.reset_token(forgotten.email, session.caller)
    response.headers["Cache-Control"] = "no-store"
    return ResetLink(reset_url=links.page("user/reset-password", token), token=token)


@router.post("/reset-password")
async def reset_password(reset: Reset, accounts: AccountsHere) -> UserRead:
    """Set a new password by a token, which is good once."""
    return read_user(await accounts.reset(reset.token, reset.password))


def _short(login: str) -> str:
    return login[:200].lower()

# SPDX-License-Identifier: LGPL-2.1-or-later
"""HTTP routes of logins and passwords."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Form, Request, Response
from pydantic import BaseModel, ConfigDict

from kci_api.callers.auth import CurrentSession, OptionalSession, Tokens
from kci_api.callers.rules import Email, Password
from kci_api.dependencies import find_store, store_of
from kci_api.logins.limits import LoginLimits
from kci_api.public_links import Links, links
from kci_api.users.accounts import Accounts
from kci_api.users.wire import UserRead, read_user
from kci_shared.models.sizes import Text

router = APIRouter(prefix="/user", tags=["users"])

AccountsHere = Annotated[Accounts, Depends(store_of(Accounts))]
SentText = Annotated[Text, Form(max_length=1024)]


class LoginForm(BaseModel):
    """A name or address, and the password; other fields of OAuth2 are ignored."""

    username: SentText
    password: SentText


class Login(BaseModel):
    """The response to a login."""

    access_token: str
    token_type: Literal["bearer"] = "bearer"  # noqa: S105 - not a password


class Forgotten(BaseModel):
    """The address of a person who has forgotten their password."""

    model_config = ConfigDict(extra="forbid")

    email: Email


class Reset(BaseModel):
    """A new password, and the token of the link that allows to set it."""

    model_config = ConfigDict(extra="forbid")

    token: Text
    password: Password


class ResetLink(BaseModel):
    """The link that an administrator passes on to the person."""

    reset_url: str
    token: str


class Attempts:
    """The attempts to log in from one address."""

    def __init__(self, request: Request) -> None:
        self._limits = find_store(request, LoginLimits)
        self._address = request.client.host if request.client else ""

    async def count(self, login: str) -> None:
        """Count an attempt; `TooMany` if there were too many."""
        await self._limits.check(self._address, _short(login))

    async def forgive(self, login: str) -> None:
        """Reset the count after a right password."""
        await self._limits.forgive(self._address, _short(login))


async def attempts(request: Request) -> Attempts:
    """Return the attempts from the address of a request."""
    return Attempts(request)


CurrentAttempts = Annotated[Attempts, Depends(attempts)]


@router.post("/login")
async def login(
    form: Annotated[LoginForm, Form()],
    tokens: Tokens,
    attempts: CurrentAttempts,
    response: Response,
) -> Login:
    """Log in by name or e-mail address and password; 429 after too many attempts."""
    await attempts.count(form.username)
    token = await tokens.login(form.username, form.password)
    await attempts.forgive(form.username)
    response.headers["Cache-Control"] = "no-store"
    return Login(access_token=token)


@router.post("/logout", status_code=204)
async def logout(session: CurrentSession, tokens: Tokens) -> None:
    """Revoke the token of this request."""
    await tokens.revoke(session.token.id)


@router.post("/update-password")
async def update_password(
    username: SentText,
    password: SentText,
    new_password: Annotated[Password, Form()],
    accounts: AccountsHere,
    attempts: CurrentAttempts,
    session: OptionalSession,
) -> None:
    """Change a password; it ends all logins of the user but that of this request."""
    await attempts.count(username)
    await accounts.update_password(username, password, new_password, session)
    await attempts.forgive(username)


@router.post("/forgot-password", status_code=202)
async def forgot_password(
    forgotten: Forgotten,
    accounts: AccountsHere,
    session: OptionalSession,
    links: Annotated[Links, Depends(links)],
    response: Response,
) -> ResetLink | None:
    """Request a link to set a new password.

    The API sends no mail: only an administrator gets the link, to pass it on. For
    anybody else the response does not depend on whether the user exists.
    """
    if session is None or not session.caller.is_superuser:
        return None
    token = await accounts.reset_token(forgotten.email, session.caller)
    response.headers["Cache-Control"] = "no-store"
    return ResetLink(reset_url=links.page("user/reset-password", token), token=token)


@router.post("/reset-password")
async def reset_password(reset: Reset, accounts: AccountsHere) -> UserRead:
    """Set a new password by the token of a link, once."""
    return read_user(await accounts.reset(reset.token, reset.password))


def _short(login: str) -> str:
    return login[:200].lower()

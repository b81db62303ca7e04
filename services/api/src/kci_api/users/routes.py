# SPDX-License-Identifier: LGPL-2.1-or-later
"""Logging in, and the tokens of services."""

from datetime import timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Response
from fastapi.security import OAuth2PasswordRequestForm
from pydantic import BaseModel, ConfigDict, Field

from kci_api.times import stamp
from kci_api.users.auth import AdminCaller, CurrentSession, Tokens
from kci_api.users.authenticator import Session
from kci_api.users.documents import Group, Token
from kci_api.users.rules import SCOPE, USERNAME
from kci_shared.logging import get_logger

log = get_logger(__name__)
router = APIRouter(tags=["users"])

A_DAY_S = 24 * 3600
TEN_YEARS_S = 3653 * A_DAY_S


class Login(BaseModel):
    """The answer to a login."""

    access_token: str
    token_type: Literal["bearer"] = "bearer"  # noqa: S105 - not a password


class UserRead(BaseModel):
    """A user as others see him."""

    id: str
    email: str
    is_active: bool
    is_superuser: bool
    is_verified: bool
    username: str
    groups: list[Group]


class ServiceRead(UserRead):
    """A service in the words of a user, and what its token is good for."""

    scopes: list[str]
    expires: str


class NewToken(BaseModel):
    """The token that a service shall have."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(pattern=USERNAME)]
    scopes: Annotated[
        list[Annotated[str, Field(pattern=SCOPE)]], Field(max_length=100)
    ] = []
    expires_in: Annotated[int, Field(gt=0, le=TEN_YEARS_S)] = 90 * A_DAY_S
    """In seconds."""


class TokenRead(BaseModel):
    """A service's token, without its text: that is told only once."""

    id: str
    name: str
    scopes: list[str]
    created: str
    expires: str


class IssuedToken(TokenRead):
    """A new token, with its text."""

    token: str


@router.post("/user/login")
async def login(
    form: Annotated[OAuth2PasswordRequestForm, Depends()],
    tokens: Tokens,
    response: Response,
) -> Login:
    """Log in by name or e-mail address and password."""
    response.headers["Cache-Control"] = "no-store"
    return Login(access_token=await tokens.login(form.username, form.password))


@router.post("/user/logout", status_code=204)
async def logout(session: CurrentSession, tokens: Tokens) -> None:
    """End the login, or the service's token, that this request carries."""
    await tokens.revoke(session.token.id)


@router.get("/whoami")
async def whoami(session: CurrentSession) -> ServiceRead | UserRead:
    """Tell who the token of this request stands for."""
    return read_session(session)


@router.post("/tokens")
async def issue_token(
    wanted: NewToken, caller: AdminCaller, tokens: Tokens, response: Response
) -> IssuedToken:
    """Give a service a token; its text is told here and never again."""
    life = timedelta(seconds=wanted.expires_in)
    text, token = await tokens.issue(wanted.name, wanted.scopes, life)
    log.info("token issued", token_id=token.id, name=token.name, by=caller.name)
    response.headers["Cache-Control"] = "no-store"
    return IssuedToken(token=text, **read_token(token).model_dump())


@router.get("/tokens")
async def list_tokens(_: AdminCaller, tokens: Tokens) -> list[TokenRead]:
    """List the services' tokens that are good, oldest first."""
    return [read_token(token) for token in await tokens.service_tokens()]


@router.delete("/tokens/{token_id}")
async def revoke_token(token_id: str, caller: AdminCaller, tokens: Tokens) -> None:
    """Make a token good for nothing, in every replica within seconds."""
    await tokens.revoke(token_id)
    log.info("token revoked", token_id=token_id, by=caller.name)


def read_token(token: Token) -> TokenRead:
    """Say of a token what may be said."""
    return TokenRead(
        id=token.id,
        name=token.name,
        scopes=token.scopes,
        created=stamp(token.created),
        expires=stamp(token.expires),
    )


def read_session(session: Session) -> ServiceRead | UserRead:
    """Say who holds a session; a service in the words of a user."""
    user, token = session.user, session.token
    if user is not None:
        return UserRead(id=str(user.id), **user.model_dump(exclude={"id"}))
    return ServiceRead(
        id=token.id,
        email="",
        is_active=True,
        is_superuser=session.caller.is_superuser,
        is_verified=True,
        username=token.name,
        groups=[],
        scopes=token.scopes,
        expires=stamp(token.expires),
    )

# SPDX-License-Identifier: LGPL-2.1-or-later
"""HTTP routes of the tokens of services."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, ConfigDict, Field

from kci_api.audit.store import Audit
from kci_api.callers.auth import AdminCaller, Tokens
from kci_api.callers.documents import Token
from kci_api.callers.rules import SCOPE, Username
from kci_api.dependencies import store_of
from kci_api.requests import PathId
from kci_api.times import stamp

router = APIRouter(prefix="/tokens", tags=["tokens"])

AuditTrail = Annotated[Audit, Depends(store_of(Audit))]

A_DAY_S = 24 * 3600
TEN_YEARS_S = 3653 * A_DAY_S


class NewToken(BaseModel):
    """A token to issue."""

    model_config = ConfigDict(extra="forbid")

    name: Username
    scopes: Annotated[
        list[Annotated[str, Field(pattern=SCOPE)]], Field(max_length=100)
    ] = []
    expires_in: Annotated[int, Field(gt=0, le=TEN_YEARS_S)] = 90 * A_DAY_S
    """In seconds from now."""


class TokenRead(BaseModel):
    """A service's token, without its text."""

    id: str
    name: str
    scopes: list[str]
    created: str
    expires: str


class IssuedToken(TokenRead):
    """A new token, with its text."""

    token: str


@router.post("")
async def issue_token(
    new: NewToken,
    caller: AdminCaller,
    tokens: Tokens,
    audit: AuditTrail,
    response: Response,
) -> IssuedToken:
    """Issue a token to a service; only this response has its text."""
    await audit.record(caller.name, "token issued", new.name, scopes=new.scopes)
    life = timedelta(seconds=new.expires_in)
    text, token = await tokens.issue(new.name, new.scopes, life)
    response.headers["Cache-Control"] = "no-store"
    return IssuedToken(token=text, **read_token(token).model_dump())


@router.get("")
async def list_tokens(_: AdminCaller, tokens: Tokens) -> list[TokenRead]:
    """List the valid tokens of services, oldest first."""
    return [read_token(token) for token in await tokens.service_tokens()]


@router.delete("/{token_id}")
async def revoke_token(
    token_id: PathId, caller: AdminCaller, tokens: Tokens, audit: AuditTrail
) -> None:
    """Revoke a token, in every replica within seconds."""
    await audit.record(caller.name, "token revoked", token_id)
    await tokens.revoke(token_id)


def read_token(token: Token) -> TokenRead:
    """Return the public fields of a token."""
    return TokenRead(
        id=token.id,
        name=token.name,
        scopes=token.scopes,
        created=stamp(token.created),
        expires=stamp(token.expires),
    )

# SPDX-License-Identifier: LGPL-2.1-or-later
"""Dependencies with which routes require a certain kind of caller."""

from typing import Annotated

from fastapi import Depends, Request
from fastapi.openapi.models import OAuth2, OAuthFlowPassword, OAuthFlows
from fastapi.security.base import SecurityBase

from kci_api.callers.authenticator import Authenticator, Session
from kci_api.callers.rules import Caller, check_admin, check_unrestricted
from kci_api.dependencies import find_store, store_of
from kci_shared.errors import NotLoggedIn

LOGIN = OAuthFlowPassword(tokenUrl="/latest/user/login", scopes={})


async def session_of(request: Request) -> Session:
    """Return the session of a request; `NotLoggedIn` without a valid token."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        raise NotLoggedIn("Unauthorized")
    return await find_store(request, Authenticator).session(token)


async def optional_session(request: Request) -> Session | None:
    """Return the session of a request; None without a valid token."""
    try:
        return await session_of(request)
    except NotLoggedIn:
        return None


class Bearer(SecurityBase):
    """The Authorization header, as the OpenAPI description shows it.

    Each subclass is one step for FastAPI: a chain of dependencies would cost more than
    the look-up of the token.
    """

    scheme_name = "login"
    model = OAuth2(flows=OAuthFlows(password=LOGIN))


class SessionRequired(Bearer):
    """Requires a valid token."""

    async def __call__(self, request: Request) -> Session:
        """Return the session; 401 without a valid token."""
        return await session_of(request)


class CallerRequired(Bearer):
    """Requires a caller."""

    async def __call__(self, request: Request) -> Caller:
        """Return the caller; 401 without a valid token."""
        return (await session_of(request)).caller


class UnrestrictedRequired(Bearer):
    """Requires a caller who is not restricted to one lab or one node."""

    async def __call__(self, request: Request) -> Caller:
        """Return the caller; 403 if restricted."""
        caller = (await session_of(request)).caller
        check_unrestricted(caller)
        return caller


class AdminRequired(Bearer):
    """Requires an administrator."""

    async def __call__(self, request: Request) -> Caller:
        """Return the caller; 403 for anybody else."""
        caller = (await session_of(request)).caller
        check_admin(caller)
        return caller


Tokens = Annotated[Authenticator, Depends(store_of(Authenticator))]
OptionalSession = Annotated[Session | None, Depends(optional_session)]
CurrentSession = Annotated[Session, Depends(SessionRequired())]
CurrentCaller = Annotated[Caller, Depends(CallerRequired())]
UnrestrictedCaller = Annotated[Caller, Depends(UnrestrictedRequired())]
AdminCaller = Annotated[Caller, Depends(AdminRequired())]

# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who calls, as the routes ask for it in their signatures."""

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
    """Return who sent a request; 401 unless with a good token."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        raise NotLoggedIn("Unauthorized")
    return await find_store(request, Authenticator).session(token)


class Bearer(SecurityBase):
    """The header that carries a token, as the documentation describes it.

    Those below are each one step for FastAPI, where a chain of dependencies would cost
    more than the look at the token itself.
    """

    scheme_name = "login"
    model = OAuth2(flows=OAuthFlows(password=LOGIN))


async def optional_session(request: Request) -> Session | None:
    """Return who sent a request, if it says so."""
    try:
        return await session_of(request)
    except NotLoggedIn:
        return None


class SessionRequired(Bearer):
    """Asks for the token and its holder."""

    async def __call__(self, request: Request) -> Session:
        """Return them; 401 if there are none."""
        return await session_of(request)


class CallerRequired(Bearer):
    """Asks for the caller, which is what rules are about."""

    async def __call__(self, request: Request) -> Caller:
        """Return the caller; 401 if nobody knows who it is."""
        return (await session_of(request)).caller


class UnrestrictedRequired(Bearer):
    """Asks for a caller who is not confined to one lab or one node."""

    async def __call__(self, request: Request) -> Caller:
        """Return the caller; 403 if confined."""
        caller = (await session_of(request)).caller
        check_unrestricted(caller)
        return caller


class AdminRequired(Bearer):
    """Asks for an administrator."""

    async def __call__(self, request: Request) -> Caller:
        """Return the caller; 403 unless an administrator."""
        caller = (await session_of(request)).caller
        check_admin(caller)
        return caller


Tokens = Annotated[Authenticator, Depends(store_of(Authenticator))]
OptionalSession = Annotated[Session | None, Depends(optional_session)]
CurrentSession = Annotated[Session, Depends(SessionRequired())]
CurrentCaller = Annotated[Caller, Depends(CallerRequired())]
UnrestrictedCaller = Annotated[Caller, Depends(UnrestrictedRequired())]
AdminCaller = Annotated[Caller, Depends(AdminRequired())]

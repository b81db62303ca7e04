# SPDX-License-Identifier: LGPL-2.1-or-later
"""HTTP routes of invitations."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, ConfigDict

from kci_api.callers.auth import AdminCaller
from kci_api.callers.rules import Email, Password, Username
from kci_api.dependencies import store_of
from kci_api.groups.store import GroupStore
from kci_api.public_links import Links, links
from kci_api.users.accounts import Accounts, Invitation
from kci_api.users.wire import UserRead, read_user
from kci_shared.models.sizes import Text

router = APIRouter(prefix="/user", tags=["users"])

ACCEPT = "user/accept-invite"
AccountsHere = Annotated[Accounts, Depends(store_of(Accounts))]
Groups = Annotated[GroupStore, Depends(store_of(GroupStore))]
HereLinks = Annotated[Links, Depends(links)]


class Invite(BaseModel):
    """Whom to invite."""

    model_config = ConfigDict(extra="forbid")

    username: Username
    email: Email
    groups: list[Text] = []
    is_superuser: bool = False
    send_email: bool = True
    """Ignored: clients send it, but the API sends no mail."""
    return_token: bool = False
    resend_if_exists: bool = False


class InviteUrl(BaseModel):
    """The page on which invitations are accepted."""

    public_base_url: str
    accept_invite_url: str


class Invited(BaseModel):
    """An invitation, for the administrator to pass on."""

    user: UserRead
    email_sent: bool = False
    public_base_url: str
    accept_invite_url: str
    invite_url: str
    token: str | None
    """Null unless requested; the link contains it, too."""


class Acceptance(BaseModel):
    """The answer to an invitation."""

    model_config = ConfigDict(extra="forbid")

    token: Text
    password: Password


@router.post("/invite")
async def invite(
    body: Invite,
    caller: AdminCaller,
    accounts: AccountsHere,
    groups: Groups,
    links: HereLinks,
    response: Response,
) -> Invited:
    """Invite a person; the response has the link to pass on."""
    invitation = Invitation(
        username=body.username,
        email=body.email,
        groups=await groups.named(body.groups),
        is_superuser=body.is_superuser,
        resend=body.resend_if_exists,
    )
    user, token = await accounts.invite(invitation, caller)
    response.headers["Cache-Control"] = "no-store"
    return Invited(
        user=read_user(user),
        public_base_url=links.public,
        accept_invite_url=links.page(ACCEPT),
        invite_url=links.page(ACCEPT, token),
        token=token if body.return_token else None,
    )


@router.post("/accept-invite")
async def accept_invite(acceptance: Acceptance, accounts: AccountsHere) -> UserRead:
    """Accept an invitation by setting a password."""
    return read_user(await accounts.accept(acceptance.token, acceptance.password))


@router.get("/accept-invite", include_in_schema=False)
async def show_how_to_accept() -> RedirectResponse:
    """Lead from the link of an invitation to the form that accepts it."""
    return RedirectResponse("/docs#/users/accept_invite")


@router.get("/invite/url")
async def invite_url(_: AdminCaller, links: HereLinks) -> InviteUrl:
    """Return the page on which invitations are accepted."""
    return InviteUrl(public_base_url=links.public, accept_invite_url=links.page(ACCEPT))

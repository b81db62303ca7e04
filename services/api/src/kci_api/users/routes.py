# SPDX-License-Identifier: LGPL-2.1-or-later
"""HTTP routes of users."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict

from kci_api.callers.auth import (
    AdminCaller,
    CurrentSession,
    UnrestrictedCaller,
)
from kci_api.callers.rules import Email, Password, Username
from kci_api.dependencies import store_of
from kci_api.groups.store import GroupStore
from kci_api.pages import Limit, Offset, Page
from kci_api.requests import PathId, invalid, parse_id
from kci_api.users.accounts import Accounts
from kci_api.users.wire import ServiceRead, UserRead, read_session, read_user, shown
from kci_shared.errors import BadRequest, NotFound, NotPermitted
from kci_shared.models.sizes import Text

router = APIRouter(tags=["users"])


class UserChange(BaseModel):
    """The fields that a user may change; clients send others, which are ignored."""

    model_config = ConfigDict(extra="ignore")

    username: Username | None = None
    email: Email | None = None
    password: Password | None = None
    groups: list[Text] | None = None
    """Administrators only: the names of all groups; an empty list removes all."""

    def changes(self) -> dict[str, Any]:
        """Return the fields to set, without the groups."""
        fields = self.model_dump(exclude_none=True, exclude={"groups"})
        if "email" in fields:
            fields["email"] = fields["email"].lower()
        return fields


class UserChangeByAdmin(UserChange):
    """The fields of a user that an administrator may change."""

    is_active: bool | None = None
    is_superuser: bool | None = None
    is_verified: bool | None = None


class UserQuery(BaseModel):
    """Conditions on users, and a page of the matches."""

    model_config = ConfigDict(extra="forbid")

    id: Text | None = None
    username: Text | None = None
    email: Text | None = None
    """Administrators only."""
    is_active: bool | None = None
    is_superuser: bool | None = None
    is_verified: bool | None = None
    limit: Limit = 50
    offset: Offset = 0

    def conditions(self) -> dict[str, Any]:
        """Return the conditions as a MongoDB filter."""
        query = self.model_dump(exclude_none=True, exclude={"limit", "offset"})
        if "id" in query:
            query["_id"] = parse_id(query.pop("id"))
        return query


AccountsHere = Annotated[Accounts, Depends(store_of(Accounts))]
Groups = Annotated[GroupStore, Depends(store_of(GroupStore))]


@router.get("/whoami")
async def whoami(session: CurrentSession) -> ServiceRead | UserRead:
    """Return the user or service whose token this request has."""
    return read_session(session)


@router.get("/users")
async def list_users(
    caller: UnrestrictedCaller,
    query: Annotated[UserQuery, Query()],
    accounts: AccountsHere,
) -> Page[UserRead]:
    """List users; only administrators see e-mail addresses and filter by them."""
    if query.email is not None and not caller.is_superuser:
        raise invalid(("query", "email"), "only administrators may filter by it")
    users, total = await accounts.page(query.conditions(), query.limit, query.offset)
    items = [shown(user, caller) for user in users]
    return Page(items=items, total=total, limit=query.limit, offset=query.offset)


@router.post("/user/register", status_code=404, include_in_schema=False)
async def register(_: AdminCaller) -> None:
    """Refuse registration, and name the route of invitations."""
    raise NotFound("User registration is disabled; use /user/invite instead.")


@router.patch("/user/me")
async def change_me(
    change: UserChange, session: CurrentSession, accounts: AccountsHere
) -> UserRead:
    """Change one's own name, address or password.

    A new password ends all other logins.
    """
    if session.user is None:
        raise NotPermitted("this token belongs to a service, not to a user")
    if change.groups is not None:
        raise BadRequest("User groups can only be updated by an admin user")
    changed = await accounts.change(session.user, change.changes(), session)
    return read_user(changed)


@router.get("/user/{user_id}")
async def get_user(
    user_id: PathId, caller: UnrestrictedCaller, accounts: AccountsHere
) -> UserRead:
    """Return a user."""
    return shown(await accounts.get(parse_id(user_id)), caller)


@router.patch("/user/{user_id}")
async def change_user(
    user_id: PathId,
    change: UserChangeByAdmin,
    _: AdminCaller,
    session: CurrentSession,
    accounts: AccountsHere,
    groups: Groups,
) -> UserRead:
    """Change a user; `groups` replaces all groups, so an empty list removes them."""
    user = await accounts.get(parse_id(user_id))
    changes = change.changes()
    if change.groups is not None:
        named = await groups.named(change.groups)
        changes["groups"] = [group.model_dump() for group in named]
    return read_user(await accounts.change(user, changes, session))


@router.delete("/user/{user_id}")
async def remove_user(
    user_id: PathId, caller: AdminCaller, accounts: AccountsHere
) -> None:
    """Remove a user."""
    await accounts.remove(parse_id(user_id), caller)

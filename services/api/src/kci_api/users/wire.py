# SPDX-License-Identifier: LGPL-2.1-or-later
"""Users and services as the API answers them."""

from pydantic import BaseModel

from kci_api.callers.authenticator import Session
from kci_api.callers.documents import UserDocument
from kci_api.callers.rules import Caller
from kci_api.times import stamp


class GroupOfUser(BaseModel):
    """A group that a user is in."""

    id: str
    name: str


class UserRead(BaseModel):
    """A user as others see him."""

    id: str
    email: str
    is_active: bool
    is_superuser: bool
    is_verified: bool
    username: str
    groups: list[GroupOfUser]


class ServiceRead(UserRead):
    """A service in the words of a user, and what its token is good for."""

    scopes: list[str]
    expires: str


def read_user(user: UserDocument) -> UserRead:
    """Say of a user what may be said."""
    return UserRead(id=str(user.id), **user.model_dump(exclude={"id"}))


def shown(user: UserDocument, caller: Caller) -> UserRead:
    """Say of a user what a caller may know."""
    read = read_user(user)
    if caller.is_superuser or user.username == caller.name:
        return read
    return read.model_copy(update={"email": ""})


def read_session(session: Session) -> ServiceRead | UserRead:
    """Say who holds a session; a service in the words of a user."""
    user, token = session.user, session.token
    if user is not None:
        return read_user(user)
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

# SPDX-License-Identifier: LGPL-2.1-or-later
"""Users and services as the API returns them."""

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
    """A user, as others see them."""

    id: str
    email: str
    is_active: bool
    is_superuser: bool
    is_verified: bool
    username: str
    groups: list[GroupOfUser]


class ServiceRead(UserRead):
    """A service as a user, with the scopes of its token."""

    scopes: list[str]
    expires: str


def read_user(user: UserDocument) -> UserRead:
    """Return the public fields of a user."""
    return UserRead(id=str(user.id), **user.model_dump(exclude={"id"}))


def shown(user: UserDocument, caller: Caller) -> UserRead:
    """Return a user as a caller may see them: e-mail addresses are private."""
    read = read_user(user)
    if caller.is_superuser or user.username == caller.name:
        return read
    return read.model_copy(update={"email": ""})


def read_session(session: Session) -> ServiceRead | UserRead:
    """Return the holder of a session; a service as a user."""
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

# SPDX-License-Identifier: LGPL-2.1-or-later
"""The collections of users and tokens in MongoDB."""

from datetime import datetime
from typing import Any, ClassVar

from beanie import Document, PydanticObjectId
from pydantic import BaseModel, Field
from pymongo import IndexModel


class Group(BaseModel):
    """A group, as it is stored with its members."""

    id: str
    name: str


class UserDocument(Document):
    """A person who can log in."""

    username: str
    email: str
    hashed_password: str
    is_active: bool = True
    is_superuser: bool = False
    is_verified: bool = False
    groups: list[Group] = Field(default_factory=list)

    class Settings:
        """The name of the collection, and its indexes."""

        name = "user"
        indexes: ClassVar[list[Any]] = [
            IndexModel("username", unique=True),
            IndexModel("email", unique=True),
        ]


class Token(BaseModel):
    """What is stored of a token: all but its text."""

    id: str
    """The token's `jti`."""
    name: str
    """The name of the user or the service."""
    user: PydanticObjectId | None = None
    """The user who logged in; None for a service."""
    scopes: list[str] = Field(default_factory=list)
    created: datetime
    expires: datetime


class TokenDocument(Document, Token):
    """A valid token: to revoke it is to delete its document."""

    id: str  # type: ignore[assignment]

    class Settings:
        """The name of the collection, its indexes, and when documents expire."""

        name = "token"
        indexes: ClassVar[list[Any]] = [
            IndexModel([("user", 1), ("created", 1)]),
            IndexModel("expires", expireAfterSeconds=0),
        ]

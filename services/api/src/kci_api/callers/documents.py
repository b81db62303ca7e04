# SPDX-License-Identifier: LGPL-2.1-or-later
"""Users and tokens as MongoDB keeps them."""

from datetime import datetime
from typing import Any, ClassVar

from beanie import Document, PydanticObjectId
from pydantic import BaseModel, Field
from pymongo import IndexModel


class Group(BaseModel):
    """A group as its members carry it."""

    id: str
    name: str


class UserDocument(Document):
    """Somebody who can log in."""

    username: str
    email: str
    hashed_password: str
    is_active: bool = True
    is_superuser: bool = False
    is_verified: bool = False
    groups: list[Group] = Field(default_factory=list)

    class Settings:
        """Where users lie, and how they are found."""

        name = "user"
        indexes: ClassVar[list[Any]] = [
            IndexModel("username", unique=True),
            IndexModel("email", unique=True),
        ]


class Token(BaseModel):
    """What is known of a token."""

    id: str
    """The token's `jti`."""
    name: str
    """Of the user or the service."""
    user: PydanticObjectId | None = None
    """Who logged in; None for a service."""
    scopes: list[str] = Field(default_factory=list)
    created: datetime
    expires: datetime


class TokenDocument(Document, Token):
    """A token that is good: without its document it is not."""

    id: str  # type: ignore[assignment]

    class Settings:
        """Where tokens lie, how they are found, and when they go."""

        name = "token"
        indexes: ClassVar[list[Any]] = [
            IndexModel([("user", 1), ("created", 1)]),
            IndexModel("expires", expireAfterSeconds=0),
        ]

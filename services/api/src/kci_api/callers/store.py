# SPDX-License-Identifier: LGPL-2.1-or-later
"""Users and tokens in MongoDB."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from beanie import PydanticObjectId
from pymongo.errors import DuplicateKeyError

from kci_api.callers.documents import Token, TokenDocument, UserDocument
from kci_shared.errors import BadRequest, NotFound

MAX_TOKENS = 1000
NAME_TAKEN = "a user of that name or e-mail exists already"


class UserStore:
    """The users who may log in, and the valid tokens."""

    async def find(self, login: str) -> UserDocument | None:
        """Return a user by name or e-mail address; None if there is no such user."""
        if "@" in login:
            return await UserDocument.find_one({"email": login.lower()})
        return await UserDocument.find_one({"username": login})

    async def get(self, user_id: PydanticObjectId) -> UserDocument:
        """Return a user; `NotFound` if there is no such user."""
        user = await UserDocument.get(user_id)
        if user is None:
            raise NotFound(f"User not found with id: {user_id}")
        return user

    async def page(
        self, query: dict[str, Any], limit: int, offset: int
    ) -> tuple[list[UserDocument], int]:
        """Return a page of the users that match, oldest first, and their number."""
        total = await UserDocument.get_pymongo_collection().count_documents(query)
        users = UserDocument.find(query).sort("+_id").skip(offset).limit(limit)
        return await users.to_list(), total

    async def change(
        self, user_id: PydanticObjectId, fields: dict[str, Any]
    ) -> UserDocument:
        """Set fields of a user; return the user with them."""
        users = UserDocument.get_pymongo_collection()
        try:
            await users.update_one({"_id": user_id}, {"$set": fields})
        except DuplicateKeyError as error:
            raise BadRequest(NAME_TAKEN) from error
        return await self.get(user_id)

    async def remove(self, user_id: PydanticObjectId) -> None:
        """Remove a user, and end their logins."""
        await UserDocument.find_one({"_id": user_id}).delete()
        await self.log_out(user_id)

    async def log_out(
        self, user_id: PydanticObjectId, except_token: str | None = None
    ) -> None:
        """End the logins of a user: all but that of one token, if it is given."""
        await TokenDocument.find(
            {"user": user_id, "_id": {"$ne": except_token}}
        ).delete()

    async def has_tokens(self, name: str) -> bool:
        """Return whether a user or service of this name has valid tokens."""
        return await TokenDocument.find_one({"name": name}) is not None

    async def add(self, user: UserDocument) -> None:
        """Add a user; `BadRequest` if the name or the address is taken."""
        try:
            await user.insert()
        except DuplicateKeyError as error:
            raise BadRequest(NAME_TAKEN) from error

    async def add_token(self, token: Token) -> None:
        """Store a new token, which makes it valid."""
        await TokenDocument(**token.model_dump()).insert()

    async def holder(self, token_id: str) -> tuple[Token, UserDocument | None]:
        """Return a valid token, and its user if it is a login; or raise `NotFound`."""
        token = await TokenDocument.get(token_id)
        if token is None:
            raise NotFound(f"no token {token_id}")
        user = await UserDocument.get(token.user) if token.user else None
        return token, user

    async def service_tokens(self) -> Sequence[Token]:
        """Return the valid tokens of services, oldest first."""
        valid = {"user": None, "expires": {"$gt": datetime.now(UTC)}}
        return await TokenDocument.find(valid).sort("+created").to_list(MAX_TOKENS)

    async def revoke(self, token_id: str) -> None:
        """Revoke a token; `NotFound` if it is not valid."""
        deleted = await TokenDocument.find_one({"_id": token_id}).delete()
        if deleted is None or not deleted.deleted_count:
            raise NotFound(f"no token {token_id}")

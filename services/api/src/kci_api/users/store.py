# SPDX-License-Identifier: LGPL-2.1-or-later
"""Users and tokens in MongoDB."""

from collections.abc import Sequence
from datetime import UTC, datetime

from pymongo.errors import DuplicateKeyError

from kci_api.users.documents import Token, TokenDocument, UserDocument
from kci_shared.errors import BadRequest, NotFound

MOST_TOKENS = 1000


class UserStore:
    """Who may log in, and which tokens are good."""

    async def find(self, login: str) -> UserDocument | None:
        """Return the user of that name or e-mail address."""
        field = "email" if "@" in login else "username"
        return await UserDocument.find_one({field: login})

    async def add(self, user: UserDocument) -> None:
        """Add a user whose name and address are new."""
        try:
            await user.insert()
        except DuplicateKeyError as error:
            raise BadRequest("a user of that name or e-mail exists already") from error

    async def add_token(self, token: Token) -> None:
        """Make a token good."""
        await TokenDocument(**token.model_dump()).insert()

    async def holder(self, token_id: str) -> tuple[Token, UserDocument | None]:
        """Return a good token, and the user who logged in, if somebody did."""
        token = await TokenDocument.get(token_id)
        if token is None:
            raise NotFound(f"no token {token_id}")
        user = await UserDocument.get(token.user) if token.user else None
        return token, user

    async def service_tokens(self) -> Sequence[Token]:
        """Return the services' tokens, oldest first."""
        good = {"user": None, "expires": {"$gt": datetime.now(UTC)}}
        return await TokenDocument.find(good).sort("+created").to_list(MOST_TOKENS)

    async def revoke(self, token_id: str) -> None:
        """Make a token good for nothing."""
        gone = await TokenDocument.find_one({"_id": token_id}).delete()
        if gone is None or not gone.deleted_count:
            raise NotFound(f"no token {token_id}")

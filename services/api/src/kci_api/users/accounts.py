# SPDX-License-Identifier: LGPL-2.1-or-later
"""What becomes of users: invited, changed, given new passwords, removed."""

from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import Any

from beanie import PydanticObjectId
from bson import ObjectId

from kci_api.audit.store import Audit
from kci_api.callers.authenticator import Authenticator
from kci_api.callers.documents import Group, UserDocument
from kci_api.callers.passwords import Passwords
from kci_api.callers.rules import Caller
from kci_api.callers.store import TAKEN, UserStore
from kci_api.callers.tokens import Signer
from kci_shared.errors import BadRequest, NotFound

INVITE_LIFE = timedelta(days=7)
RESET_LIFE = timedelta(hours=4)
NO_PASSWORD = "!"  # noqa: S105 - it fits no password
SECRET = ("hashed_password",)
"""What the audit trail must not say."""


@dataclass(frozen=True)
class Invitation:
    """Whom an administrator invites."""

    username: str
    email: str
    groups: list[Group]
    is_superuser: bool
    again: bool
    """Whether somebody who was invited before gets a new link."""


class Accounts:
    """Changes users, and notes who did."""

    def __init__(
        self, users: UserStore, tokens: Authenticator, signer: Signer, audit: Audit
    ) -> None:
        self._users = users
        self._tokens = tokens
        self._signer = signer
        self._audit = audit
        self._passwords = Passwords()

    async def page(
        self, wanted: dict[str, Any], limit: int, offset: int
    ) -> tuple[list[UserDocument], int]:
        """Return a page of the users that match, and how many do."""
        return await self._users.page(wanted, limit, offset)

    async def get(self, user_id: PydanticObjectId) -> UserDocument:
        """Return a user."""
        return await self._users.get(user_id)

    async def invite(self, wanted: Invitation, by: Caller) -> tuple[UserDocument, str]:
        """Add a user who has yet to choose a password; return the token for that."""
        user = await self._users.find(wanted.username)
        if user is None:
            user = UserDocument(
                username=wanted.username,
                email=wanted.email.lower(),
                hashed_password=NO_PASSWORD,
                is_superuser=wanted.is_superuser,
                groups=wanted.groups,
            )
            await self._audit.record(by.name, "user invited", user.username)
            await self._users.add(user)
        elif not wanted.again or user.is_verified or user.email != wanted.email.lower():
            raise BadRequest(TAKEN)
        life = INVITE_LIFE
        claims = {"sub": str(user.id), "email": user.email}
        return user, self._signer.write_link("invite", life, **claims)

    async def accept(self, token: str, password: str) -> UserDocument:
        """Let an invited user choose the first password."""
        claims = self._signer.read_link("invite", token)
        user = await self._users.get(_id(claims))
        if user.is_verified:
            raise BadRequest("Invite already accepted")
        if not user.is_active:
            raise BadRequest("User is inactive")
        hashed = await self._passwords.hash(password)
        changes = {"hashed_password": hashed, "is_verified": True}
        return await self._change(user, changes, user.username)

    async def reset_token(self, email: str, by: Caller) -> str:
        """Return a token that lets a user choose a new password, once."""
        user = await self._users.find(email)
        if user is None:
            raise NotFound(f"no user has the address {email}")
        await self._audit.record(by.name, "password reset", user.username)
        claims = {"sub": str(user.id), "of": _fingerprint(user)}
        return self._signer.write_link("reset", RESET_LIFE, **claims)

    async def reset(self, token: str, password: str) -> UserDocument:
        """Let a user choose a new password."""
        claims = self._signer.read_link("reset", token)
        user = await self._users.get(_id(claims))
        if claims.get("of") != _fingerprint(user) or not user.is_active:
            raise BadRequest("Invalid reset token")
        hashed = await self._passwords.hash(password)
        return await self._change(user, {"hashed_password": hashed}, user.username)

    async def update_password(self, login: str, old: str, new: str) -> None:
        """Change a password for who knows the old one."""
        user = await self._tokens.check(login, old)
        hashed = await self._passwords.hash(new)
        await self._change(user, {"hashed_password": hashed}, user.username)

    async def change(
        self, user: UserDocument, changes: dict[str, Any], by: Caller
    ) -> UserDocument:
        """Set fields of a user; a name must be one that nobody ever had."""
        changes = dict(changes)
        if (password := changes.pop("password", None)) is not None:
            changes["hashed_password"] = await self._passwords.hash(password)
        name = changes.get("username", user.username)
        if name != user.username and not await self._users.is_free(name):
            raise BadRequest(TAKEN)
        return await self._change(user, changes, by.name)

    async def remove(self, user_id: PydanticObjectId, by: Caller) -> None:
        """Remove a user; the nodes stay."""
        user = await self._users.get(user_id)
        if user.username == by.name:
            raise BadRequest("nobody removes himself")
        await self._audit.record(by.name, "user removed", user.username)
        await self._users.remove(user_id)
        self._tokens.forget()

    async def _change(
        self, user: UserDocument, changes: dict[str, Any], by: str
    ) -> UserDocument:
        told = {name: v for name, v in changes.items() if name not in SECRET}
        action = "user changed" if told else "password changed"
        await self._audit.record(by, action, user.username, **told)
        assert user.id is not None
        changed = await self._users.change(user.id, changes) if changes else user
        if "hashed_password" in changes:
            await self._users.log_out(user.id)  # whoever knew the old one
        self._tokens.forget()
        return changed


def _id(claims: dict[str, Any]) -> PydanticObjectId:
    subject = str(claims.get("sub"))
    if not ObjectId.is_valid(subject):
        raise BadRequest("Invalid token")
    return PydanticObjectId(subject)


def _fingerprint(user: UserDocument) -> str:
    """Name a password without telling it, so that a link is good until it changes."""
    return sha256(user.hashed_password.encode()).hexdigest()[:16]

# SPDX-License-Identifier: LGPL-2.1-or-later
"""Invite, change and remove users, and reset their passwords."""

from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import Any

from beanie import PydanticObjectId
from bson import ObjectId

from kci_api.audit.store import Audit
from kci_api.callers.authenticator import Authenticator, Session
from kci_api.callers.documents import Group, UserDocument
from kci_api.callers.passwords import Passwords
from kci_api.callers.rules import Caller
from kci_api.callers.signer import Signer
from kci_api.callers.store import NAME_TAKEN, UserStore
from kci_api.nodes.owners import owns_nodes
from kci_shared.errors import BadRequest, NotFound

INVITE_LIFE = timedelta(days=7)
RESET_LIFE = timedelta(hours=4)
NO_PASSWORD = "!"  # noqa: S105 - the hash of no password
SECRET_FIELDS = ("hashed_password",)
"""Fields that the audit trail must not contain."""


@dataclass(frozen=True)
class Invitation:
    """An invitation by an administrator."""

    username: str
    email: str
    groups: list[Group]
    is_superuser: bool
    resend: bool
    """Whether a user who was invited before gets a new link."""


class Accounts:
    """Changes users, and records who did in the audit trail."""

    def __init__(
        self, users: UserStore, tokens: Authenticator, signer: Signer, audit: Audit
    ) -> None:
        self._users = users
        self._tokens = tokens
        self._signer = signer
        self._audit = audit
        self._passwords = Passwords()

    async def page(
        self, query: dict[str, Any], limit: int, offset: int
    ) -> tuple[list[UserDocument], int]:
        """Return a page of the users that match, and their number."""
        return await self._users.page(query, limit, offset)

    async def get(self, user_id: PydanticObjectId) -> UserDocument:
        """Return a user."""
        return await self._users.get(user_id)

    async def invite(
        self, invitation: Invitation, by: Caller
    ) -> tuple[UserDocument, str]:
        """Add a user without a password; return the token of the invitation link."""
        user = await self._users.find(invitation.username)
        if user is None:
            user = UserDocument(
                username=invitation.username,
                email=invitation.email.lower(),
                hashed_password=NO_PASSWORD,
                is_superuser=invitation.is_superuser,
                groups=invitation.groups,
            )
            await self._audit.record(by.name, "user invited", user.username)
            await self._users.add(user)
        elif not _may_resend(invitation, user):
            raise BadRequest(NAME_TAKEN)
        life = INVITE_LIFE
        claims = {"sub": str(user.id), "email": user.email}
        return user, self._signer.write_link("invite", life, **claims)

    async def accept(self, token: str, password: str) -> UserDocument:
        """Accept an invitation by setting the first password."""
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
        """Return the token of a link by which a user sets a new password, once."""
        user = await self._users.find(email)
        if user is None:
            raise NotFound(f"no user has the address {email}")
        await self._audit.record(by.name, "password reset", user.username)
        claims = {"sub": str(user.id), "of": _fingerprint(user)}
        return self._signer.write_link("reset", RESET_LIFE, **claims)

    async def reset(self, token: str, password: str) -> UserDocument:
        """Set a new password by the token of a link."""
        claims = self._signer.read_link("reset", token)
        user = await self._users.get(_id(claims))
        if claims.get("of") != _fingerprint(user) or not user.is_active:
            raise BadRequest("Invalid reset token")
        hashed = await self._passwords.hash(password)
        return await self._change(user, {"hashed_password": hashed}, user.username)

    async def update_password(
        self, login: str, old: str, new: str, session: Session | None
    ) -> None:
        """Change a password; `BadRequest` if the old one is wrong."""
        user = await self._tokens.check(login, old)
        changes = {"hashed_password": await self._passwords.hash(new)}
        kept = _own_token(session, user)
        await self._change(user, changes, user.username, kept)

    async def change(
        self, user: UserDocument, changes: dict[str, Any], session: Session
    ) -> UserDocument:
        """Set fields of a user; `BadRequest` if a new name was ever used before."""
        changes = dict(changes)
        if (password := changes.pop("password", None)) is not None:
            changes["hashed_password"] = await self._passwords.hash(password)
        name = changes.get("username", user.username)
        if name != user.username and await self._was_used(name):
            raise BadRequest(NAME_TAKEN)
        kept = _own_token(session, user)
        return await self._change(user, changes, session.caller.name, kept)

    async def _was_used(self, name: str) -> bool:
        return await self._users.has_tokens(name) or await owns_nodes(name)

    async def remove(self, user_id: PydanticObjectId, by: Caller) -> None:
        """Remove a user; their nodes stay."""
        user = await self._users.get(user_id)
        if user.username == by.name:
            raise BadRequest("you cannot remove your own account")
        await self._audit.record(by.name, "user removed", user.username)
        await self._users.remove(user_id)
        self._tokens.clear_cache()

    async def _change(
        self,
        user: UserDocument,
        changes: dict[str, Any],
        by: str,
        kept: str | None = None,
    ) -> UserDocument:
        fields = {name: v for name, v in changes.items() if name not in SECRET_FIELDS}
        action = "user changed" if fields else "password changed"
        await self._audit.record(by, action, user.username, **fields)
        assert user.id is not None
        changed = await self._users.change(user.id, changes) if changes else user
        if "hashed_password" in changes:
            # who logged in with the old one
            await self._users.log_out(user.id, except_token=kept)
        self._tokens.clear_cache()
        return changed


def _own_token(session: Session | None, user: UserDocument) -> str | None:
    """Return the token of a login with which users change their own account."""
    if session is None or session.user is None or session.user.id != user.id:
        return None
    return session.token.id


def _may_resend(invitation: Invitation, user: UserDocument) -> bool:
    is_pending = not user.is_verified and user.email == invitation.email.lower()
    return invitation.resend and is_pending


def _id(claims: dict[str, Any]) -> PydanticObjectId:
    subject = str(claims.get("sub"))
    if not ObjectId.is_valid(subject):
        raise BadRequest("Invalid token")
    return PydanticObjectId(subject)


def _fingerprint(user: UserDocument) -> str:
    """Identify a password, so that a link becomes void when the password changes."""
    return sha256(user.hashed_password.encode()).hexdigest()[:16]

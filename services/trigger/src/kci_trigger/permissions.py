# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who sends a request, and what they may request; the API authenticates them."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import httpx

from kci_shared.errors import NotLoggedIn, NotPermitted
from kci_shared.identity import identify

TOKEN = re.compile(r"(?:Bearer )?([!-~]{1,8192})")
FULL_ACCESS_SCOPES = {"admin", "nodes:write"}


class Right(StrEnum):
    """A kind of request, and the group whose members may send it."""

    CHECKOUT = "checkout"
    PATCHSET = "patchset"
    TESTRETRY = "testretry"


@dataclass(frozen=True)
class Caller:
    """The sender of a request."""

    name: str
    rights: frozenset[str]
    has_full_access: bool

    def require(self, right: Right) -> None:
        """Raise `NotPermitted` unless the caller has a right."""
        if not self.has_full_access and right not in self.rights:
            raise NotPermitted(
                f"{self.name} may not request this; join the group '{right}'"
            )


class Callers:
    """Asks the API who owns a token."""

    def __init__(self, api: httpx.AsyncClient) -> None:
        self._api = api

    async def caller(self, authorization: str) -> Caller:
        """Return the owner of the token in a header; kci-dev omits `Bearer`."""
        token = TOKEN.fullmatch(authorization)
        if token is None:
            raise NotLoggedIn("send the header 'Authorization: <API token>'")
        owner = await identify(self._api, token[1])
        return Caller(
            name=owner["username"],
            rights=frozenset(group["name"] for group in owner["groups"]),
            has_full_access=_has_full_access(owner),
        )


def _has_full_access(owner: dict[str, Any]) -> bool:
    scopes = owner.get("scopes", [])
    return bool(owner["is_superuser"]) or not FULL_ACCESS_SCOPES.isdisjoint(scopes)

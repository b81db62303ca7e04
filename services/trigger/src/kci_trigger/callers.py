# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who asks, and for what he may: the API knows its users."""

import re
from dataclasses import dataclass
from enum import StrEnum

import httpx

from kci_shared.errors import NotLoggedIn, NotPermitted
from kci_shared.identity import identify

TOKEN = re.compile(r"(?:Bearer )?([!-~]{1,8192})")
EVERYTHING = {"admin", "nodes:write"}


class Right(StrEnum):
    """What one may be allowed to ask for: a group of that name is."""

    CHECKOUT = "checkout"
    PATCHSET = "patchset"
    TESTRETRY = "testretry"


@dataclass(frozen=True)
class Caller:
    """Whoever sent a request."""

    name: str
    rights: frozenset[str]
    may_all: bool

    def require(self, right: Right) -> None:
        """Raise `NotPermitted` unless the caller has a right."""
        if not self.may_all and right not in self.rights:
            raise NotPermitted(f"join the group '{right}' to ask for this")


class Callers:
    """Asks the API whose token it is."""

    def __init__(self, api: httpx.AsyncClient) -> None:
        self._api = api

    async def caller(self, authorization: str) -> Caller:
        """Return who a header stands for; kci-dev sends it without `Bearer`."""
        token = TOKEN.fullmatch(authorization)
        if token is None:
            raise NotLoggedIn("send the header 'Authorization: <API token>'")
        said = await identify(self._api, token[1])
        return Caller(
            name=said["username"],
            rights=frozenset(group["name"] for group in said["groups"]),
            may_all=said["is_superuser"] or not EVERYTHING.isdisjoint(_scopes(said)),
        )


def _scopes(said: dict[str, list[str]]) -> list[str]:
    return said.get("scopes", [])

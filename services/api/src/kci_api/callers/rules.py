# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who a caller is, what a token may be given, and which secrets are none."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from kci_shared.errors import NotPermitted


@dataclass(frozen=True)
class Caller:
    """Whoever sent a request, as the rules see them."""

    name: str
    is_superuser: bool = False
    groups: frozenset[str] = frozenset()
    scopes: frozenset[str] | None = None
    """What a service's token is good for; None = a login, not bound by scopes."""


class Scope(StrEnum):
    """The scopes that stand alone; two more name what they are for."""

    ADMIN = "admin"
    """All that an administrator may do."""
    NODES_WRITE = "nodes:write"
    """Create nodes, and change any of them."""
    NODES_IMPORT = "nodes:import"
    """Bring nodes from another system, with the ids, times and owners of there."""


SCOPE = (
    r"^(admin|nodes:(?:write|import)|runtime:[A-Za-z0-9_.-]{1,100}|node:[0-9a-f]{24})$"
)
"""`runtime:<name>`: claim and change that runtime's nodes; `node:<id>`: that tree."""

USERNAME = r"^[A-Za-z0-9_.+-]{1,100}$"
"""Without an @, so that a name is never mistaken for somebody's e-mail address."""

Username = Annotated[str, Field(pattern=USERNAME, examples=["alice"])]
Email = Annotated[
    str,
    Field(
        pattern=r"^[^@\s\x00-\x1f]{1,64}@[^@\s\x00-\x1f]{1,250}$",
        examples=["alice@example.org"],
    ),
]
Password = Annotated[str, Field(min_length=8, max_length=1024)]

PLACEHOLDER = re.compile(r"change.?(me|this|it)|placeholder|example|secret|password")
FEW = 5
"""A secret of so few different characters is none."""


def is_placeholder(secret: str) -> bool:
    """Say whether a secret looks like one that nobody has chosen."""
    return len(set(secret)) <= FEW or bool(PLACEHOLDER.search(secret.lower()))


def service_caller(name: str, scopes: frozenset[str]) -> Caller:
    """Say who calls when a service's token does."""
    if Scope.ADMIN in scopes:
        return Caller(name, is_superuser=True)
    return Caller(name, scopes=scopes)


def check_admin(caller: Caller) -> None:
    """Raise `NotPermitted` unless the caller is an administrator."""
    if not caller.is_superuser:
        raise NotPermitted("Forbidden")


def check_unrestricted(caller: Caller) -> None:
    """Raise `NotPermitted` for a token that is confined to one lab or one node."""
    if caller.scopes is not None and Scope.NODES_WRITE not in caller.scopes:
        raise NotPermitted(f"a token without the scope {Scope.NODES_WRITE} cannot")

# SPDX-License-Identifier: LGPL-2.1-or-later
"""Callers, the scopes of tokens, and the form of names and secrets."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from kci_shared.errors import NotPermitted
from kci_shared.models.sizes import Text


@dataclass(frozen=True)
class Caller:
    """The person or service that sent a request."""

    name: str
    is_superuser: bool = False
    groups: frozenset[str] = frozenset()
    scopes: frozenset[str] | None = None
    """Of a service's token; None for a person, whom no scopes restrict."""


class Scope(StrEnum):
    """The scopes without a parameter; see `SCOPE` for the other two."""

    ADMIN = "admin"
    """Do whatever an administrator may do."""
    NODES_WRITE = "nodes:write"
    """Create nodes, and change any of them."""
    NODES_IMPORT = "nodes:import"
    """Import nodes of another system with their ids, times and owners."""


SCOPE = (
    r"^(admin|nodes:(?:write|import)|runtime:[A-Za-z0-9_.-]{1,100}|node:[0-9a-f]{24})$"
)
"""`runtime:<name>`: claim and change that runtime's nodes; `node:<id>`: that tree."""

USERNAME = r"^[A-Za-z0-9_.+-]{1,100}$"
"""Without an @, so that no name is taken for an e-mail address."""

Username = Annotated[str, Field(pattern=USERNAME, examples=["alice"])]
Email = Annotated[
    str,
    Field(
        pattern=r"^[^@\s\x00-\x1f]{1,64}@[^@\s\x00-\x1f]{1,250}$",
        examples=["alice@example.org"],
    ),
]
Password = Annotated[Text, Field(min_length=8, max_length=1024)]

PLACEHOLDER = re.compile(r"change.?(me|this|it)|placeholder|example|secret|password")
MIN_DIFFERENT_CHARACTERS = 6
"""Of a secret that is not a placeholder."""


def is_placeholder(secret: str) -> bool:
    """Return whether a secret looks like one of an example, not a random one."""
    too_simple = len(set(secret)) < MIN_DIFFERENT_CHARACTERS
    return too_simple or bool(PLACEHOLDER.search(secret.lower()))


def service_caller(name: str, scopes: frozenset[str]) -> Caller:
    """Return the caller of a service's token."""
    if Scope.ADMIN in scopes:
        return Caller(name, is_superuser=True)
    return Caller(name, scopes=scopes)


def check_admin(caller: Caller) -> None:
    """Raise `NotPermitted` unless the caller is an administrator."""
    if not caller.is_superuser:
        raise NotPermitted("Forbidden")


def check_unrestricted(caller: Caller) -> None:
    """Raise `NotPermitted` for a token that is restricted to one lab or one node."""
    if caller.scopes is not None and Scope.NODES_WRITE not in caller.scopes:
        raise NotPermitted(f"this needs a token with scope {Scope.NODES_WRITE}")

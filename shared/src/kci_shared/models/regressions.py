# SPDX-License-Identifier: LGPL-2.1-or-later
"""What people say of a regression, and how it went from one status to the next."""

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Status(StrEnum):
    """How far people, or the tests, are with a regression."""

    NEW = "new"
    ACKNOWLEDGED = "acknowledged"
    FIX_PENDING = "fix-pending"
    """Somebody named a fix; only a pass of the test makes it fixed."""
    FIXED = "fixed"
    CLOSED = "closed"
    """By a person: see `Resolution`. It stays closed while it goes on failing."""
    WITHDRAWN = "withdrawn"
    """The results, as they are known by now, don't show it any more."""


class Resolution(StrEnum):
    """Why a person closed a regression."""

    INVALID = "invalid"
    DUPLICATE = "dup"
    WONTFIX = "wontfix"
    INCONCLUSIVE = "inconclusive"


MOVES: dict[Status, frozenset[Status]] = {
    Status.NEW: frozenset({Status.ACKNOWLEDGED, Status.FIX_PENDING, Status.CLOSED}),
    Status.ACKNOWLEDGED: frozenset({Status.NEW, Status.FIX_PENDING, Status.CLOSED}),
    Status.FIX_PENDING: frozenset({Status.NEW, Status.ACKNOWLEDGED, Status.CLOSED}),
    Status.FIXED: frozenset({Status.ACKNOWLEDGED, Status.CLOSED}),
    Status.CLOSED: frozenset({Status.ACKNOWLEDGED}),
    Status.WITHDRAWN: frozenset(),
}
"""What people may say next. What the tests say belongs to the tracker alone."""

Words = Annotated[str, Field(min_length=1, max_length=500)]
Address = Annotated[str, Field(min_length=1, max_length=320)]


class Move(BaseModel):
    """What a caller wants a regression's status to be."""

    model_config = ConfigDict(extra="forbid")

    status: Status
    reason: Words | None = None
    resolution: Resolution | None = None
    """Of a regression that is closed, and of no other."""
    duplicate_of: Annotated[str, Field(pattern=r"^[0-9a-f]{24}$")] | None = None
    fix: Words | None = None
    """Of one that is fix-pending: the commit, or the subject of the patch."""
    who: Address | None = None
    """For whom a service speaks, such as the author of a mail."""
    message_id: Words | None = None
    """The mail that says it."""

    @model_validator(mode="after")
    def _fits_together(self) -> "Move":
        if (self.status is Status.CLOSED) != (self.resolution is not None):
            raise ValueError("resolution: it goes with the status closed, always")
        is_duplicate = self.resolution is Resolution.DUPLICATE
        if is_duplicate != (self.duplicate_of is not None):
            raise ValueError("duplicate_of: it goes with the resolution dup, always")
        if self.resolution is Resolution.INVALID and self.reason is None:
            raise ValueError("reason: say why it is invalid")
        if self.fix is not None and self.status is not Status.FIX_PENDING:
            raise ValueError("fix: it goes with the status fix-pending")
        return self


class StatusChange(BaseModel):
    """One entry of a regression's history."""

    at: str
    """When, in UTC with offset and milliseconds."""
    who: str
    by: str | None = None
    """Whose token it was, where that is not `who`."""
    old: Status
    new: Status
    reason: str | None = None
    message_id: str | None = None

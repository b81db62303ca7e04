# SPDX-License-Identifier: LGPL-2.1-or-later
"""The status of a regression, and how people and results change it."""

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

from kci_shared.models.sizes import Text


class Status(StrEnum):
    """The status of a regression."""

    NEW = "new"
    ACKNOWLEDGED = "acknowledged"
    FIX_PENDING = "fix-pending"
    """A fix is known; the regression is fixed when the test passes."""
    FIXED = "fixed"
    CLOSED = "closed"
    """By a person, see `Resolution`. It stays closed even if the test still fails."""
    WITHDRAWN = "withdrawn"
    """Later results showed that there was no break."""


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
"""Which status people may set next; FIXED and WITHDRAWN only the tracker sets."""

Words = Annotated[Text, Field(min_length=1, max_length=500)]
Address = Annotated[Text, Field(min_length=1, max_length=320)]


class Move(BaseModel):
    """A request to change the status of a regression."""

    model_config = ConfigDict(extra="forbid")

    status: Status
    reason: Words | None = None
    resolution: Resolution | None = None
    """Required if the status is closed, else not allowed."""
    duplicate_of: Annotated[str, Field(pattern=r"^[0-9a-f]{24}$")] | None = None
    fix: Words | None = None
    """Commit of the fix, or subject of its patch; only if the status is fix-pending."""
    who: Address | None = None
    """The person for whom a service sends this, such as the author of a mail."""
    message_id: Words | None = None
    """The mail that requested it."""

    @model_validator(mode="after")
    def _fits_together(self) -> "Move":
        if (self.status is Status.CLOSED) != (self.resolution is not None):
            raise ValueError(
                "resolution: required with status closed, else not allowed"
            )
        is_duplicate = self.resolution is Resolution.DUPLICATE
        if is_duplicate != (self.duplicate_of is not None):
            raise ValueError(
                "duplicate_of: required with resolution dup, else not allowed"
            )
        if self.resolution is Resolution.INVALID and self.reason is None:
            raise ValueError("reason: required with resolution invalid")
        if self.fix is not None and self.status is not Status.FIX_PENDING:
            raise ValueError("fix: allowed with status fix-pending only")
        return self


class StatusChange(BaseModel):
    """One entry of a regression's history."""

    at: str
    """Time in UTC, with offset and milliseconds."""
    who: str
    by: str | None = None
    """Owner of the token, if that is not `who`."""
    old: Status
    new: Status
    reason: str | None = None
    message_id: str | None = None

# SPDX-License-Identifier: LGPL-2.1-or-later
"""Subscriptions, and which events they get."""

from dataclasses import dataclass
from enum import Enum
from secrets import randbelow

from kci_api.events.rules import Entry
from kci_shared.errors import NotPermitted

MAX_ID = 2**53 - 1
"""All clients can read integers up to this one."""


class Reach(Enum):
    """Whose events a subscription gets."""

    OWN = "0"
    """Those of its user, and those without an owner."""
    ALL = "1"


@dataclass(frozen=True)
class Subscription:
    """A subscription of a user to a channel."""

    id: int
    channel: str
    user: str
    reach: Reach
    subscriber: str | None = None
    """The name of a durable subscriber, whose position outlives the subscription."""

    def matches(self, entry: Entry) -> bool:
        """Return whether the subscription gets an event."""
        if entry.channel != self.channel:
            return False
        return self.reach is Reach.ALL or entry.event.get("owner") in (None, self.user)


def new_id() -> int:
    """Return a random id: no other has it, even if Redis has lost its data."""
    return 1 + randbelow(MAX_ID)


def check_owner(user: str, owner: str) -> None:
    """Raise `NotPermitted` unless a subscription is the caller's own."""
    if user != owner:
        raise NotPermitted("the subscription belongs to another user")

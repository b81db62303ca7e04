# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a subscription is, and what it hears."""

from dataclasses import dataclass
from enum import Enum
from secrets import randbelow

from kci_api.events.rules import Entry
from kci_shared.errors import NotPermitted

MAX_ID = 2**53 - 1
"""All clients can read integers up to this one."""


class Reach(Enum):
    """Whose events a subscriber hears."""

    OWN = "0"
    """Those of nobody, and his own."""
    ALL = "1"


@dataclass(frozen=True)
class Subscription:
    """Somebody's ear on a channel."""

    id: int
    channel: str
    user: str
    reach: Reach
    subscriber: str | None = None
    """The name under which the place outlives the subscription."""

    def wants(self, entry: Entry) -> bool:
        """Say whether an event is for this subscriber."""
        if entry.channel != self.channel:
            return False
        return self.reach is Reach.ALL or entry.event.get("owner") in (None, self.user)


def new_id() -> int:
    """Return an id that nobody has, not even before Redis lost all."""
    return 1 + randbelow(MAX_ID)


def check_owner(user: str, owner: str) -> None:
    """Raise `NotPermitted` unless a subscription is the caller's own."""
    if user != owner:
        raise NotPermitted("the subscription is somebody else's")

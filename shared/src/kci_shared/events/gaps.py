# SPDX-License-Identifier: LGPL-2.1-or-later
"""Fill gaps: fetch missed events from the history of the API."""

from typing import NamedTuple, Protocol, Self

from kci_shared.events.group import ConsumerGroup
from kci_shared.events.metrics import EXPIRED, GAPS, RECOVERED
from kci_shared.logging import get_logger
from kci_shared.models import Event

log = get_logger(__name__)

PAGE = 200


class History(Protocol):
    """Past events; `ApiClient` has them."""

    async def past_events(self, after: int, limit: int) -> list[Event]:
        """Return up to `limit` past events after a position, in order."""
        ...


class Gap(NamedTuple):
    """Positions that a group has not read, both included."""

    first: int
    last: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse `5-9`."""
        first, _, last = text.partition("-")
        return cls(int(first), int(last))

    def __str__(self) -> str:
        return f"{self.first}-{self.last}"


class Filling(NamedTuple):
    """What a page of the history means for a gap."""

    events: list[Event]
    """The events of the gap, in order."""
    expired: int
    """How many positions the history does not have any more."""
    rest: Gap | None
    """What the next page is to fill."""


def filling(gap: Gap, page: list[Event]) -> Filling:
    """Compare a gap with the page of the history that follows the gap's begin."""
    events = [event for event in page if event.sequence <= gap.last]
    if not events:  # the history begins after the gap
        return Filling([], gap.last - gap.first + 1, None)
    expired, end = events[0].sequence - gap.first, events[-1].sequence
    rest = Gap(end + 1, gap.last) if end < gap.last else None
    return Filling(events, expired, rest)


class Filler:
    """Fills the gaps of a group, a page of the history at a time."""

    def __init__(self, history: History, group: ConsumerGroup) -> None:
        self._history = history
        self._group = group

    async def fill(self, text: str) -> bool:
        """Fill the begin of a gap; return whether events of it are lost for good.

        Raise `KciError` if the history cannot be read now.
        """
        gap = Gap.parse(text)
        page = await self._history.past_events(gap.first - 1, PAGE)
        events, expired, rest = filling(gap, page)
        texts = [event.model_dump_json(by_alias=True) for event in events]
        if not await self._group.fill(text, str(rest or ""), texts):
            return False
        log.warning("gap filled", gap=text, events=len(events), expired=expired)
        RECOVERED.inc(len(events))
        EXPIRED.inc(expired)
        GAPS.inc(rest is None)
        return expired > 0

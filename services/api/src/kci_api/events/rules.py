# SPDX-License-Identifier: LGPL-2.1-or-later
"""Events on their way to the listeners: order, formats, filters."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from pydantic import BaseModel, ConfigDict
from pydantic_core import to_json

from kci_api.times import parse_time
from kci_shared.models import CHANNEL, Kind, Op, Result, State
from kci_shared.models.sizes import Text


@dataclass(frozen=True)
class PendingEvent:
    """An event in the outbox of its node."""

    node_id: Any
    """The key of the node in the database."""
    version: int
    event: dict[str, Any]


@dataclass(frozen=True)
class Entry:
    """An event at its position in a channel."""

    sequence: int
    event: dict[str, Any]
    timestamp: datetime | None = None
    channel: str = CHANNEL

    @cached_property
    def text(self) -> str:
        """The event as JSON, with its position."""
        event = {**self.event, "_sequence_id": self.sequence}
        return to_json(event).decode()

    @property
    def size(self) -> int:
        """How many characters the event has as JSON."""
        return len(self.text)

    @cached_property
    def frame(self) -> bytes:
        """The event in the format of Server-Sent Events."""
        return f"id: {self.sequence}\ndata: {self.text}\n\n".encode()

    @cached_property
    def message(self) -> bytes:
        """The event as the response to a listen."""
        return message(self.channel, self.text)


@dataclass(frozen=True)
class Head:
    """The last position of a channel."""

    sequence: int = 0
    timestamp: datetime = datetime(1970, 1, 1, tzinfo=UTC)


def message(channel: str, text: str) -> bytes:
    """Return a message in the format of Redis Pub/Sub, which clients expect."""
    fields = {"type": "message", "pattern": None, "channel": channel, "data": text}
    return to_json(fields)


class EventFilter(BaseModel):
    """Conditions on events; a field without values matches any."""

    model_config = ConfigDict(extra="forbid")

    kind: list[Kind] = []
    state: list[State] = []
    result: list[Result] = []
    op: list[Op] = []
    name: list[Text] = []
    group: list[Text] = []
    owner: list[Text] = []

    def matches(self, event: dict[str, Any]) -> bool:
        """Return whether an event has one of the values in each field."""
        data = event["data"]
        return all(
            data.get(field) in values for field, values in self.conditions.items()
        )

    @cached_property
    def conditions(self) -> dict[str, list[str]]:
        """The fields that have values, with these values."""
        fields = {name: getattr(self, name) for name in EventFilter.model_fields}
        return {field: values for field, values in fields.items() if values}


def ordered(pending: Iterable[list[PendingEvent]]) -> list[PendingEvent]:
    """Sort events by time, those of one node by version even if clocks differ."""
    timed: list[tuple[datetime, PendingEvent]] = []
    for of_one_node in pending:
        latest = datetime.min.replace(tzinfo=UTC)
        for one in sorted(of_one_node, key=lambda one: one.version):
            latest = max(latest, parse_time(one.event["time"]))
            timed.append((latest, one))
    return [one for _, one in sorted(timed, key=lambda pair: pair[0])]

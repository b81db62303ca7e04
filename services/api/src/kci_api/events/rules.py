# SPDX-License-Identifier: LGPL-2.1-or-later
"""What an event is on its way to the listeners, in which order, and who wants it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from pydantic import BaseModel, ConfigDict
from pydantic_core import to_json

from kci_api.times import parse_time
from kci_shared.models import CHANNEL, Kind, Op, Result, State


@dataclass(frozen=True)
class Waiting:
    """An event that still lies in its node."""

    node: Any
    """The node's key in the database."""
    version: int
    event: dict[str, Any]


@dataclass(frozen=True)
class Entry:
    """An event that has got its place."""

    sequence: int
    event: dict[str, Any]
    timestamp: datetime | None = None
    channel: str = CHANNEL

    @cached_property
    def text(self) -> str:
        """The event as it is told: JSON, with its place."""
        told = {**self.event, "_sequence_id": self.sequence}
        return to_json(told).decode()

    @cached_property
    def frame(self) -> bytes:
        """The event as one of a stream of Server-Sent Events."""
        return f"id: {self.sequence}\ndata: {self.text}\n\n".encode()

    @cached_property
    def message(self) -> bytes:
        """The event as one who subscribed hears it."""
        return message(self.channel, self.text)


@dataclass(frozen=True)
class Head:
    """The last place of a channel that is taken."""

    sequence: int = 0
    timestamp: datetime = datetime(1970, 1, 1, tzinfo=UTC)


def message(channel: str, text: str) -> bytes:
    """Say something on a channel as Redis would tell it, which clients are used to."""
    told = {"type": "message", "pattern": None, "channel": channel, "data": text}
    return to_json(told)


class EventFilter(BaseModel):
    """Which events are wanted; a field that is left out, or empty, takes any."""

    model_config = ConfigDict(extra="forbid")

    kind: list[Kind] = []
    state: list[State] = []
    result: list[Result] = []
    op: list[Op] = []
    name: list[str] = []
    group: list[str] = []
    owner: list[str] = []

    def wants(self, event: dict[str, Any]) -> bool:
        """Say whether an event is wanted."""
        data = event["data"]
        return all(data.get(field) in values for field, values in self.chosen.items())

    @cached_property
    def chosen(self) -> dict[str, list[str]]:
        """The fields that matter, and the values that fit."""
        fields = {name: getattr(self, name) for name in EventFilter.model_fields}
        return {field: values for field, values in fields.items() if values}


def ordered(waiting: Iterable[list[Waiting]]) -> list[Waiting]:
    """Order events by time, but those of one node by version, whatever its clocks."""
    timed: list[tuple[datetime, Waiting]] = []
    for of_one_node in waiting:
        latest = datetime.min.replace(tzinfo=UTC)
        for one in sorted(of_one_node, key=lambda one: one.version):
            latest = max(latest, parse_time(one.event["time"]))
            timed.append((latest, one))
    return [one for _, one in sorted(timed, key=lambda pair: pair[0])]

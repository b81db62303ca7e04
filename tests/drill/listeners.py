# SPDX-License-Identifier: LGPL-2.1-or-later
"""Receives events while processes are killed: over SSE, and as a service."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
from pydantic_core import from_json

from kci_shared.client import ApiClient
from kci_shared.events import EventStream
from kci_shared.models import Event, Node
from kci_shared.settings import ServiceSettings


class SseListener:
    """Resumes where it was after each lost connection, at any replica."""

    def __init__(self, apis: list[httpx.AsyncClient]) -> None:
        self._apis = apis
        self.events: list[dict[str, Any]] = []

    @property
    def ids(self) -> list[str]:
        """The ids of the events, in order of arrival."""
        return [event["id"] for event in self.events]

    async def listen(self) -> None:
        """Receive events until cancelled."""
        while True:
            for http in self._apis:
                try:
                    await self._until_lost(http)
                except httpx.TransportError:
                    await asyncio.sleep(0.1)

    async def _until_lost(self, http: httpx.AsyncClient) -> None:
        after = self.events[-1]["_sequence_id"] if self.events else 0
        headers = {"Last-Event-ID": str(after)}
        async with http.stream("GET", "/events/stream", headers=headers) as answer:
            async for line in answer.aiter_lines():
                if line.startswith("data: "):
                    self.events.append(from_json(line[6:]))


class ServiceListener:
    """Receives events as a service does: each at least once."""

    def __init__(self, settings: ServiceSettings) -> None:
        self._settings = settings
        self.ids: dict[str, None] = {}
        """The ids of the events, in order of their first arrival."""
        self.deliveries = 0

    async def on_event(self, event: Event) -> None:
        """Record an event."""
        self.deliveries += 1
        self.ids[event.id] = None

    async def listen(self) -> None:
        """Receive events until cancelled."""
        async with (
            ApiClient.connect(self._settings) as api,
            EventStream.connect(self._settings, api, "drill") as events,
        ):
            await events.deliver(self.on_event, asyncio.Event(), sweep=_nothing)


async def _nothing() -> AsyncIterator[Node]:
    """Find nothing to do: this service only listens."""
    no_nodes: list[Node] = []
    for node in no_nodes:
        yield node

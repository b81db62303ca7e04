# SPDX-License-Identifier: LGPL-2.1-or-later
"""One node that is done with its log in a storage, and the parser that reads it."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import httpx

from kci_fakes.api import Call, FakeApi
from kci_log_parser.parser import LogParser
from kci_shared.models import NODE, Event, Node, NodeChange
from kci_shared.storage import Storage

URL = "http://storage/0123/console.log"
NODE_ID = "a" * 24

Answer = Callable[[httpx.Request], httpx.Response]


def a_job(**fields: object) -> Node:
    """Return a job that is done, and whose log nobody has read."""
    return NODE.validate_python(
        {
            "id": NODE_ID,
            "kind": "job",
            "name": "boot",
            "path": ["boot"],
            "state": "done",
            "result": "pass",
            "artifacts": {"log": URL},
            "created": "2026-01-01T00:00:00Z",
            "updated": "2026-01-01T00:00:00Z",
            "owner": "lab",
            **fields,
        }
    )


class World:
    """The API with one node, and a storage with its log."""

    def __init__(self) -> None:
        self.api = FakeApi()
        self.api.put(a_job())
        self.max_bytes = 1 << 20
        self.answer: Answer = lambda _: httpx.Response(200, content=b"")

    @property
    def node(self) -> Node:
        """The node as it is now."""
        return self.api.nodes[NODE_ID]

    @property
    def below(self) -> dict[str, Node]:
        """The nodes below it, by the names on their paths."""
        return {
            "/".join(node.path[1:]): node
            for node in self.api.nodes.values()
            if node.id != NODE_ID
        }

    def put_job(self, **fields: object) -> None:
        """Replace the node."""
        self.api.put(a_job(**fields))

    def store_log(self, log: bytes) -> None:
        """Put a log into the storage."""
        self.answer = lambda _: httpx.Response(200, content=log)

    def refuse_once(self, method: str, error: Exception) -> None:
        """Let the next call of some method fail."""

        def refuse() -> None:
            raise error

        self.disturb_once(method, refuse)

    def disturb_once(self, method: str, action: Callable[[], object]) -> None:
        """Do something before the next call of some method."""

        def disturb(call: Call) -> None:
            if call.method == method:
                self.api.disturb = lambda _: None
                action()

        self.api.disturb = disturb

    async def handle_event(self, state: str = "done") -> None:
        """Let the parser handle the event that the node has changed to a state."""
        change = {"op": "updated", "id": NODE_ID, "kind": "job", "name": "boot"}
        event = Event(
            id="a-1",
            time=datetime(2026, 1, 1, tzinfo=UTC),
            data=NodeChange.model_validate({**change, "state": state}),
        )
        async with self.parser() as parser:
            await parser.on_event(event)

    @asynccontextmanager
    async def parser(self) -> AsyncIterator[LogParser]:
        """Open a parser that reads from the storage."""
        http = httpx.AsyncClient(transport=httpx.MockTransport(self._answer))
        async with http:
            storage = Storage(http, "http://storage", http)
            yield LogParser(self.api, storage, self.max_bytes)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        return self.answer(request)

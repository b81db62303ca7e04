# SPDX-License-Identifier: LGPL-2.1-or-later
"""Clients that subscribe to events and do not read them."""

import asyncio
import json
import socket

import pytest
from httpx import AsyncClient

from integration.answers import Json, good
from integration.api_contract.conftest import Site

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

EVENTS = 80
EVENT_BYTES = 200_000
"""All of them are more than the buffers of a connection."""
BUDGET_BYTES = 400_000
BUFFER_BYTES = 4096


Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def subscribe(site: Site, after: int) -> Connection:
    """Return the stream of events after a position, of which little is buffered."""
    port = int(site.replicas[0].url.rpartition(":")[2])
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
    client.setblocking(False)
    await asyncio.get_running_loop().sock_connect(client, ("127.0.0.1", port))
    reader, writer = await asyncio.open_connection(sock=client, limit=BUFFER_BYTES)
    writer.write(
        b"GET /latest/events/stream HTTP/1.1\r\nHost: api\r\n"
        b"Last-Event-ID: %d\r\n\r\n" % after
    )
    return reader, writer


async def read_to_the_end(reader: asyncio.StreamReader) -> list[int]:
    """Return the positions of all events that were received as a whole."""
    text = b""
    try:
        while part := await reader.read(1 << 20):
            text += part
    except ConnectionError:
        pass
    frames = without_chunks(text).split(b"\n\n")[:-1]
    return [event["_sequence_id"] for event in map(event_of, frames) if event]


def without_chunks(response: bytes) -> bytes:
    """Return the body of a response in chunks, which may be cut off."""
    body, rest = b"", response.partition(b"\r\n\r\n")[2]
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        length = int(size or b"0", 16)
        body, rest = body + rest[:length], rest[length + 2 :]
    return body


def event_of(frame: bytes) -> Json | None:
    _, found, data = frame.partition(b"data: ")
    event: Json | None = json.loads(data) if found else None
    return event


async def test_a_slow_reader_is_cut_off_and_resumes_without_a_gap(
    site: Site,
    admin: AsyncClient,
    a_checkout: Json,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = site.stores.broadcast.position
    monkeypatch.setattr(site.stores.unread, "max_bytes", BUDGET_BYTES)
    large = {**a_checkout, "data": {**a_checkout["data"], "x": "y" * EVENT_BYTES}}
    for _ in range(EVENTS):
        await good(admin.post("/node", json=large))
    slow, of_slow = await subscribe(site, first)
    _, of_other = await subscribe(site, first)
    async with asyncio.timeout(60):
        while site.stores.unread.cut_off == 0:
            await asyncio.sleep(0.01)
        received = await read_to_the_end(slow)
    of_slow.close()
    of_other.close()
    assert 0 < len(received) < EVENTS
    last = received[-1]
    headers = {"Last-Event-ID": str(last)}
    async with (
        asyncio.timeout(60),
        admin.stream("GET", "/events/stream", headers=headers) as answer,
    ):
        async for line in answer.aiter_lines():
            if line.startswith("id: "):
                received.append(int(line.removeprefix("id: ")))
            if len(received) == EVENTS:
                break
    assert received == list(range(first + 1, first + 1 + EVENTS))

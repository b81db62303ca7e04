# SPDX-License-Identifier: LGPL-2.1-or-later
"""Connections on which the headers of a request never end."""

import asyncio

import pytest

from integration.api_contract.conftest import Site
from kci_api import resets

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

REQUEST = b"GET /health HTTP/1.1\r\nHost: api\r\n\r\n"
ANSWER = b'{"status":"ok"}'
HALF = b"GET /health HTTP/1.1\r\nHost: a"


@pytest.mark.parametrize(("requests", "begun"), [(0, b""), (0, HALF), (2, HALF)])
async def test_a_half_sent_request_ends(
    site: Site, monkeypatch: pytest.MonkeyPatch, requests: int, begun: bytes
) -> None:
    monkeypatch.setattr(resets, "HEADERS_S", 0.2)
    port = int(site.replicas[0].url.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    async with asyncio.timeout(30):  # an idle connection is kept for longer
        for _ in range(requests):
            writer.write(REQUEST)
            await reader.readuntil(ANSWER)
        writer.write(begun)
        assert await _until_closed(reader) == b""
    writer.close()


async def _until_closed(reader: asyncio.StreamReader) -> bytes:
    answer = b""
    try:
        while part := await reader.read(1 << 16):
            answer += part
    except ConnectionError:
        pass
    return answer


async def test_a_request_that_waits_is_not_ended(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resets, "HEADERS_S", 0.05)
    lab = await site.service("runtime:lab")
    body = {"runtime": "lab", "platforms": ["qemu"], "wait": 0.5}
    assert (await lab.post("/claims", json=body)).status_code == 204

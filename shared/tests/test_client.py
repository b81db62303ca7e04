# SPDX-License-Identifier: LGPL-2.1-or-later
import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
import stamina

from kci_shared.client import MAX_PARALLEL, ApiClient
from kci_shared.errors import Conflict, Invalid, NotLoggedIn, Unavailable
from kci_shared.models import ClaimRequest, Kind, NewNode

NODE = {
    "id": "6b02e3dffe3cce038f7e6c05",
    "kind": "job",
    "name": "boot",
    "owner": "me",
    "created": "2026-11-22T12:37:54.783+00:00",
    "updated": "2026-11-22T12:37:54.783+00:00",
}


@pytest.fixture(autouse=True)
def _no_waiting() -> Iterator[None]:
    with stamina.set_testing(True, attempts=3):
        yield


def client(answer: Callable[[httpx.Request], httpx.Response]) -> ApiClient:
    transport = httpx.MockTransport(answer)
    return ApiClient(httpx.AsyncClient(transport=transport, base_url="http://api"))


class Flaky:
    """Answers 503 some times, then as it should."""

    def __init__(self, faults: int, answer: Any) -> None:
        self.calls = 0
        self._faults = faults
        self._answer = answer

    def __call__(self, _: httpx.Request) -> httpx.Response:
        self.calls += 1
        if self.calls <= self._faults:
            return httpx.Response(503, json={"detail": "the database is away"})
        return httpx.Response(200, json=self._answer)


async def test_a_missing_node_is_none() -> None:
    api = client(lambda _: httpx.Response(200, content=b"null"))
    assert await api.get("6b02e3dffe3cce038f7e6c05") is None


@pytest.mark.parametrize(
    ("status", "error"), [(401, NotLoggedIn), (409, Conflict), (422, Invalid)]
)
async def test_a_refusal_is_raised_as_what_it_means(
    status: int, error: type[Exception]
) -> None:
    api = client(lambda _: httpx.Response(status, json={"detail": "because"}))
    with pytest.raises(error, match="because"):
        await api.get("n1")


async def test_a_read_is_repeated_while_the_api_is_away() -> None:
    answer = Flaky(2, NODE)
    node = await client(answer).get("n1")
    assert node is not None
    assert answer.calls == 3


async def test_a_creation_without_a_key_is_never_repeated() -> None:
    answer = Flaky(1, NODE)
    with pytest.raises(Unavailable):
        await client(answer).create(NewNode(kind=Kind.JOB, name="boot"))
    assert answer.calls == 1


async def test_a_creation_with_a_key_is_repeated() -> None:
    answer = Flaky(1, NODE)
    new = NewNode(kind=Kind.JOB, name="boot", idempotency_key="k")
    assert (await client(answer).create(new)).id == NODE["id"]


async def test_find_reads_page_after_page() -> None:
    offsets = []

    def answer(request: httpx.Request) -> httpx.Response:
        offset = int(request.url.params["offset"])
        offsets.append(offset)
        assert request.url.path == "/latest/nodes/fast"  # which does not count them
        return httpx.Response(200, json=[NODE] * (200 if offset == 0 else 3))

    assert len(await client(answer).find(kind="job")) == 203
    assert offsets == [0, 200]


async def test_a_lost_connection_means_unavailable() -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    with pytest.raises(Unavailable, match="refused"):
        await client(answer).get("n1")


async def test_of_many_calls_some_are_under_way_and_a_claim_is_not_among_them() -> None:
    under_way, most = 0, 0

    async def answer(request: httpx.Request) -> httpx.Response:
        nonlocal under_way, most
        if request.url.path == "/latest/claims":
            return httpx.Response(200, json=[])
        under_way += 1
        most = max(most, under_way)
        await may_answer.wait()
        under_way -= 1
        return httpx.Response(200, json=NODE)

    may_answer = asyncio.Event()
    transport = httpx.MockTransport(answer)
    async with httpx.AsyncClient(transport=transport, base_url="http://api") as http:
        api = ApiClient(http)
        calls = [asyncio.create_task(api.get(NODE["id"])) for _ in range(100)]
        await asyncio.sleep(0)
        await api.claim(ClaimRequest(runtime="lab", platforms=["qemu"], wait=20))
        may_answer.set()
        await asyncio.gather(*calls)
    assert most == MAX_PARALLEL

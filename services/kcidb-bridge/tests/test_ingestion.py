# SPDX-License-Identifier: LGPL-2.1-or-later
import asyncio
import json
from collections.abc import AsyncIterator

import httpx
import pytest
import structlog
from structlog.testing import capture_logs

from kci_kcidb_bridge import ingestion as module
from kci_kcidb_bridge.ingestion import MOST, PATIENCE_S, Receipts


class FakeKcidb(httpx.AsyncBaseTransport):
    """Tells what became of submissions."""

    def __init__(self) -> None:
        self.status: dict[str, str] = {}
        self.asked: list[str] = []
        self.is_away = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        name = request.url.params["id"]
        self.asked.append(name)
        if self.is_away:
            raise httpx.ConnectError("refused")
        return httpx.Response(200, text=json.dumps({"status": self.status[name]}))


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def kcidb() -> FakeKcidb:
    return FakeKcidb()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def receipts(kcidb: FakeKcidb, clock: Clock) -> AsyncIterator[Receipts]:
    async with httpx.AsyncClient(transport=kcidb, base_url="http://kcidb") as http:
        yield Receipts(http, clock)


async def problems(receipts: Receipts) -> list[tuple[str, str]]:
    """Look once; return what is logged as an error."""
    with capture_logs() as logs:
        await receipts.look()
    return [(entry["submission_id"], entry["status"]) for entry in logs]


@pytest.fixture(autouse=True)
def fresh_logger(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "log", structlog.get_logger())


async def test_what_was_ingested_is_not_asked_for_again(
    kcidb: FakeKcidb, receipts: Receipts
) -> None:
    kcidb.status = {"a": "processed"}
    receipts.add("a")
    assert await problems(receipts) == []
    await receipts.look()
    assert kcidb.asked == ["a"]


async def test_what_waits_is_asked_for_again(
    kcidb: FakeKcidb, receipts: Receipts
) -> None:
    kcidb.status = {"a": "ready", "b": "inprogress"}
    receipts.add("a")
    receipts.add("b")
    assert await problems(receipts) == []
    await receipts.look()
    assert kcidb.asked == ["a", "b", "a", "b"]


@pytest.mark.parametrize("status", ["failed", "notfound"])
async def test_what_could_not_be_ingested_is_an_error(
    kcidb: FakeKcidb, receipts: Receipts, status: str
) -> None:
    kcidb.status = {"a": status}
    receipts.add("a")
    assert await problems(receipts) == [("a", status)]
    assert await problems(receipts) == []


async def test_without_a_word_for_long_it_is_given_up(
    kcidb: FakeKcidb, receipts: Receipts, clock: Clock
) -> None:
    kcidb.is_away = True
    receipts.add("a")
    assert await problems(receipts) == []
    clock.now += PATIENCE_S + 1
    assert await problems(receipts) == [("a", "silent")]


async def test_not_more_is_watched_than_fits(receipts: Receipts) -> None:
    with capture_logs() as logs:
        for number in range(MOST + 1):
            receipts.add(str(number))
    assert [entry["status"] for entry in logs] == ["unwatched"]


async def test_it_looks_until_it_is_cancelled(
    kcidb: FakeKcidb, receipts: Receipts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "POLL_S", 0.001)
    kcidb.status = {"a": "ready"}
    receipts.add("a")
    watching = asyncio.create_task(receipts.watch())
    while len(kcidb.asked) < 3:
        await asyncio.sleep(0.001)
    watching.cancel()
    with pytest.raises(asyncio.CancelledError):
        await watching

# SPDX-License-Identifier: LGPL-2.1-or-later
"""What becomes of submissions after KCIDB accepted them."""

import asyncio
import json
from collections.abc import AsyncIterator

import httpx
import pytest
import structlog
from structlog.testing import capture_logs

from kci_kcidb_bridge import ingestion as module
from kci_kcidb_bridge.ingestion import GIVE_UP_S, MAX_PENDING, Ingestion


class FakeKcidb(httpx.AsyncBaseTransport):
    """Answers with the status of each submission."""

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
async def ingestion(kcidb: FakeKcidb, clock: Clock) -> AsyncIterator[Ingestion]:
    async with httpx.AsyncClient(transport=kcidb, base_url="http://kcidb") as http:
        yield Ingestion(http, clock)


async def problems(ingestion: Ingestion) -> list[tuple[str, str]]:
    """Poll once; return what is logged as an error."""
    with capture_logs() as logs:
        await ingestion.poll()
    return [(entry["submission_id"], entry["status"]) for entry in logs]


@pytest.fixture(autouse=True)
def fresh_logger(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "log", structlog.get_logger())


async def test_an_ingested_submission_is_asked_for_once(
    kcidb: FakeKcidb, ingestion: Ingestion
) -> None:
    kcidb.status = {"a": "processed"}
    ingestion.add("a")
    assert await problems(ingestion) == []
    await ingestion.poll()
    assert kcidb.asked == ["a"]


async def test_a_waiting_submission_is_asked_for_again(
    kcidb: FakeKcidb, ingestion: Ingestion
) -> None:
    kcidb.status = {"a": "ready", "b": "inprogress"}
    ingestion.add("a")
    ingestion.add("b")
    assert await problems(ingestion) == []
    await ingestion.poll()
    assert kcidb.asked == ["a", "b", "a", "b"]


@pytest.mark.parametrize("status", ["failed", "notfound"])
async def test_a_submission_that_is_not_ingested_is_an_error(
    kcidb: FakeKcidb, ingestion: Ingestion, status: str
) -> None:
    kcidb.status = {"a": status}
    ingestion.add("a")
    assert await problems(ingestion) == [("a", status)]
    assert await problems(ingestion) == []


async def test_a_submission_without_a_status_is_given_up_after_an_hour(
    kcidb: FakeKcidb, ingestion: Ingestion, clock: Clock
) -> None:
    kcidb.is_away = True
    ingestion.add("a")
    assert await problems(ingestion) == []
    clock.now += GIVE_UP_S + 1
    assert await problems(ingestion) == [("a", "silent")]


async def test_with_too_many_submissions_the_oldest_is_dropped(
    ingestion: Ingestion,
) -> None:
    with capture_logs() as logs:
        for number in range(MAX_PENDING + 1):
            ingestion.add(str(number))
    assert [entry["status"] for entry in logs] == ["unwatched"]


async def test_it_polls_until_it_is_cancelled(
    kcidb: FakeKcidb, ingestion: Ingestion, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "POLL_S", 0.001)
    kcidb.status = {"a": "ready"}
    ingestion.add("a")
    polling = asyncio.create_task(ingestion.run())
    while len(kcidb.asked) < 3:
        await asyncio.sleep(0.001)
    polling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await polling

# SPDX-License-Identifier: LGPL-2.1-or-later
"""Rows on their way to KCIDB: once, in halves where needed, and again after errors."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import httpx
import pytest

from kci_kcidb_bridge.ingestion import Ingestion
from kci_kcidb_bridge.row_models import CheckoutRow, Row
from kci_kcidb_bridge.submit import BODY_MAX_BYTES, KcidbAway, KcidbRefused, Submitter
from kci_shared.channels import About, ChannelClient
from kci_shared.errors import ChannelDown

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


class FakeKcidb(httpx.AsyncBaseTransport):
    """Accepts every body without the word `bad`."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.rows: list[str] = []
        self.bad: str | None = None
        self.answer: httpx.Response | Exception | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        body = await request.aread()
        self.bodies.append(body)
        if isinstance(self.answer, Exception):
            raise self.answer
        if self.answer is not None:
            return self.answer
        if self.bad is not None and self.bad in body.decode():
            return an_answer(400, "0", "error", "no such thing")
        self.rows += [row["id"] for row in json.loads(body)["checkouts"]]
        return an_answer(200, "Ab1", "ok", "Received")


def an_answer(code: int, name: str, status: str, message: str) -> httpx.Response:
    body = {"id": name, "status": status, "message": message}
    return httpx.Response(code, text=json.dumps(body))


@pytest.fixture
def kcidb() -> FakeKcidb:
    return FakeKcidb()


@pytest.fixture
async def submitter(kcidb: FakeKcidb) -> AsyncIterator[Submitter]:
    about = About("kcidb", url="KCI_KCIDB_URL", credentials="KCI_KCIDB_TOKEN")
    http = ChannelClient(
        about, ("GET", "/authtest"), transport=kcidb, base_url="http://kcidb"
    )
    async with http:
        yield Submitter(http, Ingestion(http))


def rows(*names: str, padding: int = 0) -> list[Row]:
    return [
        CheckoutRow(
            id=f"demo:{name}",
            origin="demo",
            start_time=NOON,
            git_commit_message="x" * padding,
        )
        for name in names
    ]


async def test_rows_are_sent_in_one_body(
    kcidb: FakeKcidb, submitter: Submitter
) -> None:
    await submitter.submit(rows("a", "b"))
    assert kcidb.rows == ["demo:a", "demo:b"]
    assert len(kcidb.bodies) == 1


async def test_the_same_rows_are_sent_once(
    kcidb: FakeKcidb, submitter: Submitter
) -> None:
    first = await submitter.submit(rows("a"))
    assert await submitter.submit(rows("a")) == first == "http://kcidb/status?id=Ab1"
    assert len(kcidb.bodies) == 1


async def test_a_large_submission_is_split_in_order(
    kcidb: FakeKcidb, submitter: Submitter
) -> None:
    await submitter.submit(rows("a", "b", "c", "d", padding=BODY_MAX_BYTES // 3))
    assert kcidb.rows == ["demo:a", "demo:b", "demo:c", "demo:d"]
    assert all(len(body) <= BODY_MAX_BYTES for body in kcidb.bodies)


async def test_a_row_that_is_too_large_alone_is_sent_alone(
    kcidb: FakeKcidb, submitter: Submitter
) -> None:
    await submitter.submit(rows("a", padding=BODY_MAX_BYTES))
    assert kcidb.rows == ["demo:a"]


async def test_a_refused_row_does_not_hold_back_the_others(
    kcidb: FakeKcidb, submitter: Submitter
) -> None:
    kcidb.bad = "demo:c"
    reason = "checkouts demo:c: 400 no such thing"
    with pytest.raises(KcidbRefused, match=reason) as caught:
        await submitter.submit(rows("a", "b", "c", "d", "e"))
    assert caught.value.url == "http://kcidb/status?id=Ab1"
    assert kcidb.rows == ["demo:a", "demo:b", "demo:d", "demo:e"]


@pytest.mark.parametrize(
    "answer",
    [
        httpx.ReadTimeout("slow"),
        httpx.RemoteProtocolError("cut"),
        httpx.Response(502),
        httpx.Response(500, text='{"id":"0","status":"error"}'),
        httpx.Response(429),
        httpx.Response(200, text="[]"),
        httpx.Response(200, text='{"id":"../x","status":"ok"}'),
    ],
)
async def test_without_a_submission_id_the_rows_are_sent_again(
    kcidb: FakeKcidb, submitter: Submitter, answer: httpx.Response | Exception
) -> None:
    kcidb.answer = answer
    with pytest.raises(KcidbAway):
        await submitter.submit(rows("a"))
    kcidb.answer = None
    await submitter.submit(rows("a"))
    assert kcidb.rows == ["demo:a"]


@pytest.mark.parametrize(
    ("answer", "remedy"),
    [
        (an_answer(401, "0", "error", "ExpiredSignature"), "KCI_KCIDB_TOKEN"),
        (httpx.Response(403), "KCI_KCIDB_TOKEN"),
        (httpx.Response(302, headers={"Location": "http://elsewhere"}), "login page"),
        (httpx.Response(200, text="<html>log in</html>"), "another server"),
        (httpx.Response(404, html="<html>nginx</html>"), "another path"),
        (httpx.ConnectError("refused"), "start the server"),
    ],
)
async def test_a_kcidb_that_cannot_be_used_is_no_fault_of_the_rows(
    kcidb: FakeKcidb,
    submitter: Submitter,
    answer: httpx.Response | Exception,
    remedy: str,
) -> None:
    kcidb.answer = answer
    with pytest.raises(ChannelDown, match=remedy):
        await submitter.submit(rows("a", "b"))
    assert len(kcidb.bodies) == 1
    kcidb.answer = None
    await submitter.submit(rows("a", "b"))
    assert kcidb.rows == ["demo:a", "demo:b"]


async def test_old_submissions_are_forgotten(
    kcidb: FakeKcidb, submitter: Submitter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kci_kcidb_bridge.submit.REMEMBERED", 1)
    for name in ("a", "b", "a"):
        await submitter.submit(rows(name))
    assert kcidb.rows == ["demo:a", "demo:b", "demo:a"]

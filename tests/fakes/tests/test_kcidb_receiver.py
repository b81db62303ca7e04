# SPDX-License-Identifier: LGPL-2.1-or-later
import json
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from jose import jwt

from kci_fakes.kcidb_receiver import Receiver
from kci_fakes.kcidb_spool import (
    Spool,
    check_version,
    schema_validator,
)

SECRET = "for this test"
REPORT = b'{"version":{"major":5,"minor":3}}'


def token(**claims: Any) -> str:
    fields = {"origin": "Demo-Lab", "exp": int(time.time()) + 3600, **claims}
    kept = {key: value for key, value in fields.items() if value is not None}
    return jwt.encode(kept, SECRET, algorithm="HS256")


def bearer(**claims: Any) -> dict[str, str]:
    return {"Authorization": f"Bearer {token(**claims)}"}


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path, check_version)


@pytest.fixture
def receiver(spool: Spool) -> Receiver:
    return Receiver(spool, SECRET, [])


@pytest.fixture
async def http(receiver: Receiver) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(receiver.app(), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://kcidb") as http:
        yield http


async def test_a_submission_is_taken(http: httpx.AsyncClient, spool: Spool) -> None:
    answer = await http.post("/submit", content=REPORT, headers=bearer())
    name = answer.json()["id"]
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    fields = f"Received submission {name} with size {len(REPORT)} bytes"
    assert answer.text == f'{{"id":"{name}","status":"ok","message":"{fields}"}}'
    assert len(name) == 32
    assert name.isalnum()
    assert [path.read_bytes() for path in spool.waiting()] == [REPORT]


async def test_its_status_follows_it(http: httpx.AsyncClient, spool: Spool) -> None:
    answer = await http.post("/submit", content=REPORT, headers=bearer())
    url = f"/status?id={answer.json()['id']}"
    assert (await http.get(url, headers=bearer())).json()["status"] == "ready"
    spool.ingest()
    fields = (await http.get(url, headers=bearer())).json()
    assert (fields["status"], fields["message"]) == ("processed", "File archived")


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"{}",
        b'{"version":{"major":4}}',
        b'{"version":{"major":5},"checkouts":[{"id":"x:1"}]}',
        b'{"version":{"major":5},"tests":[{"misc":{"a":"\\u0000"}}]}',
    ],
)
async def test_what_the_database_does_not_take_fails_later(
    http: httpx.AsyncClient, spool: Spool, body: bytes
) -> None:
    answer = await http.post("/submit", content=body, headers=bearer())
    assert answer.status_code == 200
    spool.ingest()
    params = {"id": answer.json()["id"]}
    fields = (await http.get("/status", params=params, headers=bearer())).json()
    assert fields["status"] == "failed"
    assert fields["message"] == "File failed to pass validation"


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        ({}, "JWT is required"),
        ({"Authorization": "token"}, "Missing or invalid JWT (Bearer)"),
        ({"Authorization": "é é".encode()}, "Missing or invalid JWT"),
        ({"Authorization": "Bearer nonsense"}, "InvalidToken"),
        (bearer(exp=1), "ExpiredSignature"),
        (bearer(exp=None), "InvalidToken"),
        (bearer(origin=None), "Missing required claim: origin"),
        ({"Authorization": "Bearer " + jwt.encode({"exp": 9e9}, "x")},
         "InvalidSignature"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/submit", "/authtest", "/status?id=x"])
async def test_a_wrong_token_is_named(
    http: httpx.AsyncClient, headers: dict[str, str], message: str, path: str
) -> None:
    method = "POST" if path == "/submit" else "GET"
    answer = await http.request(method, path, content=REPORT, headers=headers)
    assert answer.status_code == 401
    assert answer.text == f'{{"id":"0","status":"error","message":"{message}"}}'


async def test_the_word_before_the_token_is_not_checked(
    http: httpx.AsyncClient,
) -> None:
    headers = {"Authorization": f"Whatever {token()}"}
    answer = await http.get("/authtest", headers=headers)
    assert answer.json() == {
        "id": "0",
        "status": "ok",
        "message": "Authentication successful",
    }


@pytest.mark.parametrize("body", [b"", b"{", b'{"a":NaN}', b'{"a":"\\ud800"}'])
async def test_what_is_not_json_is_refused(
    http: httpx.AsyncClient, spool: Spool, body: bytes
) -> None:
    answer = await http.post("/submit", content=body, headers=bearer())
    assert answer.status_code == 400
    assert answer.json()["id"] == "0"
    assert answer.json()["status"] == "error"
    assert spool.waiting() == []


async def test_a_compressed_body_is_refused_before_the_token_is_read(
    http: httpx.AsyncClient,
) -> None:
    answer = await http.post("/submit", content=b"\x1f\x8b\x08")
    assert answer.status_code == 400
    assert "UTF-8" in answer.text


async def test_a_body_beyond_the_limit_is_413(
    http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kci_fakes.kcidb_receiver.MAX_BYTES", 10)
    answer = await http.post("/submit", content=REPORT, headers=bearer())
    assert answer.status_code == 413


@pytest.mark.parametrize(
    ("query", "code", "text"),
    [
        ("", 400, "missing field `id`"),
        ("?id=", 400, '"message":"Empty id"'),
        ("?id=../x", 400, '"message":"Invalid id"'),
        ("?id=none", 404, '"id":"none","status":"notfound","message":"File not found"'),
    ],
)
async def test_a_status_needs_a_good_id(
    http: httpx.AsyncClient, query: str, code: int, text: str
) -> None:
    answer = await http.get(f"/status{query}", headers=bearer())
    assert answer.status_code == code
    assert text in answer.text


async def test_operators_see_counts(http: httpx.AsyncClient) -> None:
    await http.post("/submit", content=REPORT, headers=bearer())
    await http.post("/submit", content=REPORT)
    text = (await http.get("/metrics")).text
    assert "kcidb_submissions_total 1\n" in text
    assert f"kcidb_submission_size_total {len(REPORT)}\n" in text
    assert "kcidb_user_errors_total 1\n" in text
    assert "kcidb_json_files 1\n" in text
    assert 'kcidb_submissions_by_origin{origin="demo_lab"} 1\n' in text
    assert (await http.get("/health")).text == "OK"
    assert (await http.get("/")).status_code == 200


async def test_faults_come_once_each_in_order(
    http: httpx.AsyncClient,
    receiver: Receiver,
    spool: Spool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("kci_fakes.kcidb_receiver.SLOW_S", 0.0)
    receiver.faults.extend(["502", "ok", "slow"])
    answers = [
        await http.post("/submit", content=REPORT, headers=bearer()) for _ in range(4)
    ]
    assert [answer.status_code for answer in answers] == [502, 200, 200, 200]
    assert answers[0].content == b""
    assert len(spool.waiting()) == 3


def test_submissions_are_spread_over_the_folders(tmp_path: Path) -> None:
    spool = Spool(tmp_path, check_version)
    good, bad = spool.store(REPORT), spool.store(b"[]")
    spool.ingest()
    archived = tmp_path / "archive" / f"submission-{good}.json"
    assert json.loads(archived.read_bytes())["version"]["major"] == 5
    assert (tmp_path / "failed" / f"submission-{bad}.json").exists()
    assert spool.status(good) == "processed"
    (tmp_path / "submission-abc.json.temp").touch()
    assert spool.status("abc") == "inprogress"


def test_validating_needs_kcidbs_own_library(monkeypatch: pytest.MonkeyPatch) -> None:
    assert schema_validator()({"version": {"major": 5, "minor": 3}})
    monkeypatch.setitem(sys.modules, "kcidb_io", None)
    with pytest.raises(SystemExit, match="pip install kcidb-io"):
        schema_validator()

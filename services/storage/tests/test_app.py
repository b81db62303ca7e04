# SPDX-License-Identifier: LGPL-2.1-or-later
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from kci_shared.storage import Storage

CONTENT = b"Linux version 6.12\nKernel panic - not syncing\n"
DIGEST = hashlib.sha256(CONTENT).hexdigest()
LOG = f"/{DIGEST}/console.log"
GOOD = {"Authorization": "Bearer good"}


async def put(http: httpx.AsyncClient, body: bytes = CONTENT) -> httpx.Response:
    return await http.put(LOG, content=body, headers=GOOD)


def stored(folder: Path) -> list[str]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return sorted(str(path.relative_to(folder)) for path in files)


async def test_what_was_stored_is_read_again(storage: Storage, tmp_path: Path) -> None:
    url = await storage.put("console.log", CONTENT)
    assert url.endswith(LOG)
    assert (await storage.fetch(url, tmp_path)).read_bytes() == CONTENT


async def test_many_chunks_are_stored_and_read_again(
    storage: Storage, tmp_path: Path
) -> None:
    content = bytes(range(256)) * (30 << 10)
    url = await storage.put("bzImage", content)
    assert (await storage.fetch(url, tmp_path)).read_bytes() == content


async def test_an_empty_artifact_is_an_artifact(
    storage: Storage, tmp_path: Path
) -> None:
    url = await storage.put("console.log", b"")
    assert (await storage.fetch(url, tmp_path)).read_bytes() == b""


async def test_storing_again_changes_nothing(
    http: httpx.AsyncClient, folder: Path
) -> None:
    assert (await put(http)).status_code == 201
    before = (folder / LOG[1:]).stat()
    assert (await put(http)).status_code == 200
    assert (folder / LOG[1:]).stat() == before


@pytest.mark.parametrize("is_there", [True, False])
async def test_content_of_another_hash_is_never_visible(
    http: httpx.AsyncClient, folder: Path, is_there: bool
) -> None:
    if is_there:
        await put(http)
    answer = await put(http, b"other")
    assert answer.status_code == 422
    assert "put this hash into the path" in answer.json()["detail"]
    assert stored(folder) == ([LOG[1:]] if is_there else [])


async def test_an_upload_that_breaks_off_leaves_nothing(
    http: httpx.AsyncClient, folder: Path
) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"x" * (7 << 20)
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await http.put(LOG, content=broken(), headers=GOOD)
    assert stored(folder) == []


async def test_what_is_too_large_is_refused_before_it_is_read(
    http: httpx.AsyncClient, folder: Path
) -> None:
    headers = {**GOOD, "Content-Length": str(9 << 20)}
    answer = await http.put(LOG, content=b"", headers=headers)
    assert answer.status_code == 413
    assert "KCI_MAX_BYTES" in answer.json()["detail"]


async def test_what_is_too_large_is_refused_while_it_is_read(
    http: httpx.AsyncClient, folder: Path
) -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * (1 << 20)

    answer = await http.put(LOG, content=endless(), headers=GOOD)
    assert answer.status_code == 413
    assert stored(folder) == []


async def test_a_browser_gets_text_that_it_runs_nothing_of(
    http: httpx.AsyncClient,
) -> None:
    await put(http)
    answer = await http.get(LOG, headers={"Accept": "text/html"})
    assert answer.content == CONTENT
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "immutable" in answer.headers["Cache-Control"]


async def test_a_part_is_sent_when_asked_for(http: httpx.AsyncClient) -> None:
    await put(http)
    answer = await http.get(LOG, headers={"Range": "bytes=6-12"})
    assert answer.status_code == 206
    assert answer.content == b"version"
    assert answer.headers["Content-Range"] == f"bytes 6-12/{len(CONTENT)}"


async def test_a_part_that_is_not_there_is_416(http: httpx.AsyncClient) -> None:
    await put(http)
    answer = await http.get(LOG, headers={"Range": "bytes=9999-"})
    assert answer.status_code == 416
    assert answer.headers["Content-Range"] == f"bytes */{len(CONTENT)}"


async def test_head_tells_the_size_without_the_content(http: httpx.AsyncClient) -> None:
    await put(http)
    answer = await http.head(LOG)
    assert answer.content == b""
    assert answer.headers["Content-Length"] == str(len(CONTENT))


async def test_what_a_cache_has_is_not_sent_again(http: httpx.AsyncClient) -> None:
    await put(http)
    answer = await http.get(LOG, headers={"If-None-Match": f'W/"{DIGEST}"'})
    assert answer.status_code == 304
    assert answer.content == b""


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_what_is_not_there_is_404(http: httpx.AsyncClient, method: str) -> None:
    assert (await http.request(method, LOG)).status_code == 404


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT"])
@pytest.mark.parametrize("path", [f"/{DIGEST}/a%20b", "/abc/console.log"])
async def test_a_wrong_path_is_422(
    http: httpx.AsyncClient, method: str, path: str
) -> None:
    assert (await http.request(method, path, headers=GOOD)).status_code == 422


@pytest.mark.parametrize("path", ["/health", "/ready", "/metrics", "/docs"])
async def test_operators_are_answered(http: httpx.AsyncClient, path: str) -> None:
    assert (await http.get(path)).status_code == 200


async def test_a_store_that_fails_is_503_without_a_word_of_its_own(
    http: httpx.AsyncClient, folder: Path
) -> None:
    folder.rmdir()
    folder.write_text("not a folder any more")
    answer = await put(http)
    assert answer.status_code == 503
    assert str(folder) not in answer.text


async def test_a_caller_without_a_token_stores_nothing(
    http: httpx.AsyncClient, folder: Path
) -> None:
    for headers in ({}, {"Authorization": "Bearer bad"}):
        answer = await http.put(LOG, content=CONTENT, headers=headers)
        assert answer.status_code == 401
    assert stored(folder) == []

# SPDX-License-Identifier: LGPL-2.1-or-later
"""What each answer means for an artifact: of our own storage, and of other servers."""

import hashlib
from collections.abc import AsyncIterator, Callable, Iterator

import httpx
import pytest
import stamina

from kci_shared.channels import About, ChannelClient, TokenAuth
from kci_shared.errors import ChannelDown, KciError, NotStored, StorageError
from kci_shared.errors import StorageRefused as Refused
from kci_shared.storage import PROBE, Storage, _of_storage, may_pass

CONTENT = b"<html>an artifact that is a page itself</html>"
DIGEST = hashlib.sha256(CONTENT).hexdigest()
OWN = f"http://storage/{DIGEST}/page.html"
ELSEWHERE = "http://elsewhere/page.html"
PAGE = b"<html>Welcome to our hotel</html>"
HTML = {"content-type": "text/html"}
ETAG = {"etag": f'"{DIGEST}"'}
Answer = httpx.Response | Exception


class FakeServer:
    """Answers all requests in the same way."""

    def __init__(self) -> None:
        self.answer: Callable[[], Answer] = lambda: httpx.Response(200)
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answer()
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture(autouse=True)
def _no_pauses() -> Iterator[None]:
    with stamina.set_testing(True, attempts=3):
        yield


@pytest.fixture
def server() -> FakeServer:
    return FakeServer()


@pytest.fixture
async def storage(server: FakeServer) -> AsyncIterator[Storage]:
    transport = httpx.MockTransport(server)
    own = ChannelClient(
        About("storage", url="KCI_STORAGE_URL", credentials="KCI_TOKEN"),
        PROBE,
        judge=_of_storage,
        base_url="http://storage",
        auth=TokenAuth(lambda: "secret"),
        transport=transport,
    )
    async with own, httpx.AsyncClient(transport=transport) as elsewhere:
        yield Storage(own, "http://storage", elsewhere)


def answer(
    status: int, headers: dict[str, str] | None = None, content: bytes = b""
) -> Callable[[], httpx.Response]:
    return lambda: httpx.Response(status, headers=headers, content=content)


def failing(error: Exception) -> Callable[[], Exception]:
    return lambda: error


async def read(storage: Storage, url: str) -> bytes:
    return b"".join([chunk async for chunk in storage.stream(url)])


@pytest.mark.parametrize(
    ("answer", "error", "offers"),
    [
        (answer(401), ChannelDown, 1),
        (answer(403), ChannelDown, 1),
        (answer(302, {"location": "/login"}), ChannelDown, 1),
        (answer(200, HTML, PAGE), ChannelDown, 1),
        (answer(404, HTML, PAGE), ChannelDown, 1),
        (answer(405), ChannelDown, 1),
        (failing(httpx.ConnectError("refused")), ChannelDown, 1),
        (answer(413), Refused, 1),
        (answer(422), Refused, 1),
        (answer(409), Refused, 1),
        (answer(429), StorageError, 3),
        (answer(503), StorageError, 3),
        (failing(httpx.ReadError("reset")), StorageError, 3),
    ],
)
async def test_what_each_answer_means_for_an_artifact_to_store(
    storage: Storage,
    server: FakeServer,
    answer: Callable[[], Answer],
    error: type[KciError],
    offers: int,
) -> None:
    server.answer = answer
    with pytest.raises(error) as caught:
        await storage.put("log", b"x")
    assert type(caught.value) is error
    assert may_pass(caught.value) == (error is StorageError)
    assert len(server.requests) == offers


@pytest.mark.parametrize(
    ("answer", "own", "elsewhere"),
    [
        (answer(404, content=b'{"detail":"no such artifact"}'), NotStored, NotStored),
        (answer(410), NotStored, NotStored),
        (answer(401), ChannelDown, NotStored),
        (answer(403), ChannelDown, NotStored),
        (answer(404, HTML, PAGE), ChannelDown, NotStored),
        (answer(302, {"location": "/loop"}), ChannelDown, NotStored),
        (failing(httpx.ConnectError("refused")), ChannelDown, StorageError),
        (failing(httpx.UnsupportedProtocol("gopher")), ChannelDown, NotStored),
        (answer(429), StorageError, StorageError),
        (answer(500), StorageError, StorageError),
        (failing(httpx.ReadTimeout("slow")), StorageError, StorageError),
    ],
)
async def test_what_each_answer_means_for_an_artifact_to_read(
    storage: Storage,
    server: FakeServer,
    answer: Callable[[], Answer],
    own: type[KciError],
    elsewhere: type[KciError],
) -> None:
    server.answer = answer
    for url, error in ((OWN, own), (ELSEWHERE, elsewhere)):
        with pytest.raises(error) as caught:
            await read(storage, url)
        assert type(caught.value) is error


async def test_a_page_is_an_artifact_if_it_has_the_hash_of_one(
    storage: Storage, server: FakeServer
) -> None:
    server.answer = answer(200, {**HTML, **ETAG}, CONTENT)
    assert await read(storage, OWN) == CONTENT
    server.answer = answer(200, HTML, PAGE)
    assert await read(storage, ELSEWHERE) == PAGE
    with pytest.raises(ChannelDown, match="another server answers"):
        await read(storage, OWN)


async def test_only_our_own_storage_gets_the_token(
    storage: Storage, server: FakeServer
) -> None:
    server.answer = answer(200, ETAG, CONTENT)
    await read(storage, OWN)
    await read(storage, ELSEWHERE)
    await read(storage, "http://storage.elsewhere/x")
    with_token = ["authorization" in request.headers for request in server.requests]
    assert with_token == [True, False, False]

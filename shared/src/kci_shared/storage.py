# SPDX-License-Identifier: LGPL-2.1-or-later
"""The client of the artifact storage.

Artifacts are stored under the sha256 of their content: so storing is idempotent, an
artifact never changes, and each copy can be verified.
"""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import quote
from uuid import uuid4

import httpx
import stamina
from pydantic import Field

from kci_shared.channels import About, ChannelClient, Sighting, TokenAuth, Verdict
from kci_shared.channels.sightings import (
    TABLE,
    of_error,
    of_response,
)
from kci_shared.errors import NotStored, StorageError, StorageRefused
from kci_shared.rules.artifacts import sha256_in
from kci_shared.settings import ClientSettings

CHUNK_BYTES = 1 << 20
ATTEMPTS = 4
TIMEOUT_S = 60
MAX_PARALLEL = 20
"""How many transfers run in parallel: httpx walks all waiting ones at each step."""
EMPTY = hashlib.sha256(b"").hexdigest()
PROBE = ("PUT", f"/{EMPTY}/probe")
"""Stores an empty artifact, always the same: it needs a token, as all writing does."""


class StorageSettings(ClientSettings):
    """Settings of a service that stores or reads artifacts."""

    storage_url: Annotated[
        str, Field(description="the artifact storage, such as http://127.0.0.1:8002")
    ]


class Storage:
    """The artifact storage, over HTTP.

    Artifacts may have URLs of other servers, too, which never get our token.
    """

    def __init__(
        self, own: httpx.AsyncClient, url: str, elsewhere: httpx.AsyncClient
    ) -> None:
        self._own = own
        self._elsewhere = elsewhere
        self._url = url.rstrip("/")
        self._turns = asyncio.Semaphore(MAX_PARALLEL)

    @classmethod
    @asynccontextmanager
    async def connect(cls, settings: StorageSettings) -> AsyncIterator[Self]:
        """Open the storage at the URL of the settings, with its channel."""
        own = ChannelClient(
            About("storage", "KCI_STORAGE_URL", settings.token.setting),
            PROBE,
            judge=_of_storage,
            base_url=settings.storage_url,
            auth=TokenAuth(settings.token.read),
            timeout=TIMEOUT_S,
        )
        async with own, own.channel.opened(), _elsewhere() as elsewhere:
            yield cls(own, settings.storage_url, elsewhere)

    @classmethod
    @asynccontextmanager
    async def open(cls, url: str = "", token: str = "") -> AsyncIterator[Self]:
        """Open a storage without a channel; without URL and token, for reading only."""
        auth = TokenAuth(lambda: token)
        async with (
            httpx.AsyncClient(timeout=TIMEOUT_S, auth=auth) as own,
            _elsewhere() as elsewhere,
        ):
            yield cls(own, url, elsewhere)

    async def put(self, name: str, content: bytes) -> str:
        """Store bytes under a file name; return their URL."""
        digest = hashlib.sha256(content).hexdigest()
        return await self._put(name, digest, len(content), lambda: _once(content))

    async def put_file(self, path: Path) -> str:
        """Store a file of any size under its own name; return its URL."""
        digest = await asyncio.to_thread(_digest_of, path)
        size = path.stat().st_size
        return await self._put(path.name, digest, size, lambda: _chunks(path))

    async def _put(
        self,
        name: str,
        digest: str,
        size: int,
        read: Callable[[], AsyncIterator[bytes]],
    ) -> str:
        url = f"{self._url}/{digest}/{quote(name, safe='')}"
        async for attempt in stamina.retry_context(on=may_pass, attempts=ATTEMPTS):
            with attempt:
                await self._send(url, size, read())
        return url

    async def _send(self, url: str, size: int, content: AsyncIterator[bytes]) -> None:
        headers = {"Content-Length": str(size)}
        try:
            async with self._turns:
                answer = await self._own.put(url, content=content, headers=headers)
        except httpx.HTTPError as error:
            raise StorageError(f"storing {url}: {error}") from error
        verdict = TABLE[of_response(answer)].own
        if verdict is not Verdict.FINE:
            kind = StorageRefused if verdict is Verdict.REFUSED else StorageError
            raise kind(f"storing {url}: {_reason(answer)}")

    async def stream(self, url: str) -> AsyncGenerator[bytes, None]:
        """Yield an artifact in chunks; raise `NotStored` if it does not exist."""
        is_own = bool(self._url) and url.startswith(f"{self._url}/")
        http = self._own if is_own else self._elsewhere
        try:
            async with http.stream("GET", url) as answer:
                verdict = _verdict(_of_storage(answer), is_own)
                if verdict is not Verdict.FINE:
                    raise _unread(verdict, url, _reason(answer))
                async for chunk in answer.aiter_bytes(CHUNK_BYTES):
                    yield chunk
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise _unread(_verdict(of_error(error), is_own), url, str(error)) from error

    async def fetch(self, url: str, folder: Path) -> Path:
        """Copy an artifact into `folder` under its sha256; return the file.

        An artifact of our own storage is verified by the hash in its URL, and copied
        only once.
        """
        expected = sha256_in(url)
        if expected is not None and (folder / expected).exists():
            return folder / expected
        folder.mkdir(parents=True, exist_ok=True)
        part = folder / f"{uuid4().hex}.part"  # others may fetch the same artifact
        try:
            digest = await self._copy(url, part)
            if expected not in (None, digest):
                raise StorageError(f"reading {url}: the content has sha256 {digest}")
            return part.rename(folder / digest)
        finally:
            part.unlink(missing_ok=True)

    async def _copy(self, url: str, target: Path) -> str:
        digest = hashlib.sha256()
        async with self._turns:
            with target.open("wb") as file:
                async for chunk in self.stream(url):
                    digest.update(chunk)
                    file.write(chunk)
        return digest.hexdigest()


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content


async def _chunks(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


def _digest_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def may_pass(error: Exception) -> bool:
    """Whether another attempt to store or read may succeed within minutes."""
    return isinstance(error, StorageError) and error.retryable


def _elsewhere() -> httpx.AsyncClient:
    return httpx.AsyncClient(timeout=TIMEOUT_S, follow_redirects=True)


def _of_storage(answer: httpx.Response) -> Sighting:
    """Judge an answer; an artifact may be a page itself, and has its hash as ETag."""
    sighting = of_response(answer)
    if sighting is Sighting.NOT_JSON:
        digest = sha256_in(str(answer.request.url))
        if digest is not None and digest in answer.headers.get("etag", ""):
            return Sighting.SUCCESS
    return sighting


def _verdict(sighting: Sighting, is_own: bool) -> Verdict:
    row = TABLE[sighting]
    return row.own if is_own else row.elsewhere


def _unread(verdict: Verdict, url: str, reason: str) -> StorageError:
    kind = NotStored if verdict is Verdict.REFUSED else StorageError
    return kind(f"reading {url}: {reason}")


def _reason(answer: httpx.Response) -> str:
    return f"HTTP {answer.status_code} {answer.reason_phrase}"

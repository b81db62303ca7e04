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

from kci_shared.errors import NotStored, StorageError
from kci_shared.rules.artifacts import sha256_in
from kci_shared.settings import ClientSettings

CHUNK_BYTES = 1 << 20
ATTEMPTS = 4
MAX_PARALLEL = 20
"""How many transfers run in parallel: httpx walks all waiting ones at each step."""
TEMPORARY = (httpx.codes.REQUEST_TIMEOUT, httpx.codes.TOO_MANY_REQUESTS)
PERMANENT = (
    httpx.InvalidURL,
    httpx.UnsupportedProtocol,
    httpx.TooManyRedirects,
    httpx.DecodingError,
)
"""Errors of the URL or of its content, which another attempt will not change."""


class StorageSettings(ClientSettings):
    """Settings of a service that stores or reads artifacts."""

    storage_url: Annotated[
        str, Field(description="the artifact storage, such as http://127.0.0.1:8002")
    ]


class Storage:
    """The artifact storage, over HTTP."""

    def __init__(self, http: httpx.AsyncClient, url: str, token: str) -> None:
        self._http = http
        self._url = url.rstrip("/")
        self._token = token  # sent to our own storage only, never to another URL
        self._turns = asyncio.Semaphore(MAX_PARALLEL)

    @classmethod
    @asynccontextmanager
    async def connect(cls, settings: StorageSettings) -> AsyncIterator[Self]:
        """Open the storage at the URL of the settings."""
        async with cls.open(settings.storage_url, settings.token.read()) as storage:
            yield storage

    @classmethod
    @asynccontextmanager
    async def open(cls, url: str = "", token: str = "") -> AsyncIterator[Self]:
        """Open a storage; without URL and token, for reading only."""
        async with httpx.AsyncClient(timeout=60, follow_redirects=True) as http:
            yield cls(http, url, token)

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
        async for attempt in stamina.retry_context(on=StorageError, attempts=ATTEMPTS):
            with attempt:
                await self._send(url, size, read())
        return url

    async def _send(self, url: str, size: int, content: AsyncIterator[bytes]) -> None:
        headers = {
            "Authorization": f"Bearer {self._token}",
            "Content-Length": str(size),
        }
        try:
            async with self._turns:
                answer = await self._http.put(url, content=content, headers=headers)
            answer.raise_for_status()
        except httpx.HTTPError as error:
            raise StorageError(f"storing {url}: {error}") from error

    async def stream(self, url: str) -> AsyncGenerator[bytes, None]:
        """Yield an artifact in chunks; raise `NotStored` if it does not exist."""
        try:
            async with self._http.stream("GET", url) as answer:
                answer.raise_for_status()
                async for chunk in answer.aiter_bytes(CHUNK_BYTES):
                    yield chunk
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            kind = NotStored if _is_final(error) else StorageError
            raise kind(f"reading {url}: {error}") from error

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


def _is_final(error: Exception) -> bool:
    """Say whether another attempt would fail in the same way."""
    if isinstance(error, httpx.HTTPStatusError):
        status = error.response.status_code
        return status < httpx.codes.INTERNAL_SERVER_ERROR and status not in TEMPORARY
    return isinstance(error, PERMANENT)

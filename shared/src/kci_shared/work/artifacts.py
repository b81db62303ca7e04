# SPDX-License-Identifier: LGPL-2.1-or-later
"""Fetches what a job boots, and stores what it leaves, in the artifact storage."""

import asyncio
import time
from contextlib import suppress
from pathlib import Path
from weakref import WeakValueDictionary

import stamina

from kci_shared.errors import StorageError
from kci_shared.logging import get_logger
from kci_shared.storage import may_pass
from kci_shared.work.api import Files
from kci_shared.work.errors import CannotRun

log = get_logger(__name__)

FETCH_ATTEMPTS = 4
CACHE_S = 2 * 24 * 3600.0
"""How long an unused artifact stays in the cache."""
STORE_S = 600.0
"""How long storing is retried: reporting a result matters more than its log."""


class Artifacts:
    """The storage, with a cache of fetched files."""

    def __init__(self, storage: Files, cache: Path) -> None:
        self._storage = storage
        self._cache = cache
        self._fetching: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def fetch(self, urls: dict[str, str]) -> dict[str, Path]:
        """Return a local file for each URL; `CannotRun` names one that failed."""
        self._evict()
        files: dict[str, Path] = {}
        for name, url in urls.items():
            lock = self._fetching.setdefault(url, asyncio.Lock())
            async with lock:  # jobs of one build start together and need the same
                files[name] = await self._fetch(name, url)
            files[name].touch()  # in use
        return files

    def _evict(self) -> None:
        """Remove files unused for `CACHE_S`, and partial ones that a crash left."""
        oldest = time.time() - CACHE_S
        for file in self._cache.glob("*"):
            with suppress(FileNotFoundError):  # another bridge removed it
                if file.stat().st_mtime < oldest:
                    file.unlink()

    async def _fetch(self, name: str, url: str) -> Path:
        try:
            async for attempt in stamina.retry_context(
                on=may_pass, attempts=FETCH_ATTEMPTS
            ):
                with attempt:
                    return await self._storage.fetch(url, self._cache)
        except StorageError as error:
            raise CannotRun(f"artifact: {name}: {error}") from error
        raise AssertionError("unreachable: the last attempt returns or raises")

    async def store(
        self, files: dict[str, Path], needed: frozenset[str] = frozenset()
    ) -> dict[str, str]:
        """Store files and return their URLs, without those that cannot be stored.

        Raises `CannotRun` if one of these is in `needed`.
        """
        urls: dict[str, str] = {}
        for name, path in files.items():
            try:
                async for attempt in stamina.retry_context(
                    on=may_pass, attempts=None, timeout=STORE_S, wait_max=15
                ):
                    with attempt:
                        urls[name] = await self._storage.put_file(path)
            except StorageError as error:
                log.warning("artifact lost", artifact=name, reason=str(error))
                if name in needed:
                    raise CannotRun(f"artifact: {name}: {error}") from error
        return urls

# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a job boots, and what it leaves: to and from the artifact storage."""

import asyncio
import time
from contextlib import suppress
from pathlib import Path
from weakref import WeakValueDictionary

import stamina

from kci_shared.errors import StorageError
from kci_shared.logging import get_logger
from kci_shared.storage import Storage
from kci_shared.work.errors import CannotRun

log = get_logger(__name__)

FETCHES = 4
"""How often an artifact is asked for before the job is given up."""
KEPT_SECONDS = 2 * 24 * 3600.0
"""How long an artifact that no job asks for stays in the cache."""
STORE_SECONDS = 600.0
"""How long a storage that is away is waited for: a verdict matters more than a log."""


class Artifacts:
    """The storage with a cache before it, whose files are named by their sha256."""

    def __init__(self, storage: Storage, cache: Path) -> None:
        self._storage = storage
        self._cache = cache
        self._fetching: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def fetch(self, urls: dict[str, str]) -> dict[str, Path]:
        """Return a local file for each URL; `CannotRun` names the one that fails."""
        self._forget()
        files: dict[str, Path] = {}
        for name, url in urls.items():
            lock = self._fetching.setdefault(url, asyncio.Lock())
            async with lock:  # jobs of one build come together and want the same
                files[name] = await self._fetch(name, url)
            files[name].touch()  # in use
        return files

    def _forget(self) -> None:
        """Remove what no job has asked for in a while, or a crash left half done."""
        oldest = time.time() - KEPT_SECONDS
        for file in self._cache.glob("*"):
            with suppress(FileNotFoundError):  # another bridge was faster
                if file.stat().st_mtime < oldest:
                    file.unlink()

    async def _fetch(self, name: str, url: str) -> Path:
        try:
            async for attempt in stamina.retry_context(
                on=StorageError, attempts=FETCHES
            ):
                with attempt:
                    return await self._storage.fetch(url, self._cache)
        except StorageError as error:
            raise CannotRun(f"artifact: {name}: {error}") from error
        raise AssertionError("unreachable: the last attempt returns or raises")

    async def store(
        self, files: dict[str, Path], needed: frozenset[str] = frozenset()
    ) -> dict[str, str]:
        """Store files, return their URLs; what cannot be stored is left out.

        Raises `CannotRun` when that is one of those that are needed.
        """
        urls: dict[str, str] = {}
        for name, path in files.items():
            try:
                async for attempt in stamina.retry_context(
                    on=StorageError, attempts=None, timeout=STORE_SECONDS, wait_max=15
                ):
                    with attempt:
                        urls[name] = await self._storage.put_file(path)
            except StorageError as error:
                log.warning("artifact lost", artifact=name, reason=str(error))
                if name in needed:
                    raise CannotRun(f"artifact: {name}: {error}") from error
        return urls

# SPDX-License-Identifier: LGPL-2.1-or-later
"""Artifacts in an object store: a folder, S3, Azure or Google Cloud."""

import hashlib
from collections.abc import AsyncIterator

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, ObjectStore, from_url

from kci_shared.errors import ConfigError, Invalid, TooLarge

CHUNK_BYTES = 1 << 20


def open_store(url: str) -> ObjectStore:
    """Open the store at a URL; a folder is created if needed."""
    try:
        if url.startswith("file:"):
            return LocalStore.from_url(url, mkdir=True)
        return from_url(url)
    except (BaseError, ValueError) as error:
        reason = str(error).partition("\n")[0]
        raise ConfigError(
            f"KCI_STORE: {reason}; use file:///folder, s3://bucket/prefix, "
            "az://account/container or gs://bucket"
        ) from error


class Artifacts:
    """The stored artifacts, by key."""

    def __init__(self, store: ObjectStore, max_bytes: int) -> None:
        self._store = store
        self._max_bytes = max_bytes

    async def size(self, key: str) -> int | None:
        """Return the size of an artifact in bytes, or None if it does not exist."""
        try:
            meta = await obstore.head_async(self._store, key)
        except FileNotFoundError:
            return None
        return meta["size"]

    async def keep(self, key: str, chunks: AsyncIterator[bytes]) -> bool:
        """Store content with the sha256 in the key; return False if it exists already.

        An object becomes visible when it is complete, and its last chunk is passed on
        only when the hash is right. Raises `Invalid` for another hash, `TooLarge`.
        """
        verified = self._verified(key, chunks)
        if await self.size(key) is not None:
            async for _ in verified:
                pass
            return False
        await obstore.put_async(self._store, key, verified)
        return True

    async def read(self, key: str, part: range) -> AsyncIterator[bytes]:
        """Yield a range of an artifact's bytes."""
        if not part:
            return
        options: obstore.GetOptions = {"range": (part.start, part.stop)}
        content = await obstore.get_async(self._store, key, options=options)
        async for chunk in content.stream(min_chunk_size=CHUNK_BYTES):
            yield bytes(chunk)

    async def _verified(
        self, key: str, chunks: AsyncIterator[bytes]
    ) -> AsyncIterator[bytes]:
        digest, size = hashlib.sha256(), 0
        async for chunk in chunks:
            size += len(chunk)
            if size > self._max_bytes:
                raise too_large(self._max_bytes)
            digest.update(chunk)
            yield chunk
        if not key.startswith(digest.hexdigest()):
            raise Invalid(
                f"sha256: the body has {digest.hexdigest()}; send the content for the "
                "hash in the path, or put this hash into the path"
            )


def too_large(max_bytes: int) -> TooLarge:
    """Return the error for a larger artifact than the settings allow."""
    return TooLarge(
        f"larger than {max_bytes} bytes; compress it, or raise KCI_MAX_BYTES"
    )

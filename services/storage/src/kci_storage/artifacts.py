# SPDX-License-Identifier: LGPL-2.1-or-later
"""Artifacts in an object store: a folder, S3, Azure or Google, by the store's URL."""

import hashlib
from collections.abc import AsyncIterator

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, ObjectStore, from_url

from kci_shared.errors import ConfigError, Invalid, TooLarge

CHUNK = 1 << 20


def open_store(url: str) -> ObjectStore:
    """Open the store that `url` names; a folder is made if need be."""
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
    """What is stored, by key."""

    def __init__(self, store: ObjectStore, max_bytes: int) -> None:
        self._store = store
        self._max_bytes = max_bytes

    async def size(self, key: str) -> int | None:
        """Return how large an artifact is; None when there is none."""
        try:
            found = await obstore.head_async(self._store, key)
        except FileNotFoundError:
            return None
        return found["size"]

    async def keep(self, key: str, chunks: AsyncIterator[bytes]) -> bool:
        """Store what has the sha256 that the key says; False if it was there already.

        The store shows an object only when all of it has arrived, and the last chunk
        is not handed over before the hash is right.
        """
        verified = self._verified(key, chunks)
        if await self.size(key) is not None:
            async for _ in verified:
                pass
            return False
        await obstore.put_async(self._store, key, verified)
        return True

    async def read(self, key: str, part: range) -> AsyncIterator[bytes]:
        """Yield bytes of an artifact."""
        if not part:
            return
        options: obstore.GetOptions = {"range": (part.start, part.stop)}
        found = await obstore.get_async(self._store, key, options=options)
        async for chunk in found.stream(min_chunk_size=CHUNK):
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
                f"sha256: the body's is {digest.hexdigest()}; send the content that "
                "the path names, or put this hash into the path"
            )


def too_large(max_bytes: int) -> TooLarge:
    """Return the error that says how large an artifact may be."""
    return TooLarge(
        f"an artifact may have {max_bytes} bytes; compress it, or raise KCI_MAX_BYTES"
    )

# SPDX-License-Identifier: LGPL-2.1-or-later
"""Passwords as Argon2 hashes."""

import asyncio

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError


class Passwords:
    """Hashes and checks, a few at a time: each takes 64 MiB and a core."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        self._turns = asyncio.Semaphore(2)

    async def hash(self, password: str) -> str:
        """Return what to keep of a password."""
        async with self._turns:
            return await asyncio.to_thread(self._hasher.hash, password)

    async def matches(self, password: str, kept: str | None) -> bool:
        """Say whether a password is the one; as slow when there is no user."""
        async with self._turns:
            return await asyncio.to_thread(self._check, password, kept)

    def _check(self, password: str, kept: str | None) -> bool:
        if kept is None:
            self._hasher.hash(password)
            return False
        try:
            return self._hasher.verify(kept, password)
        except (Argon2Error, InvalidHashError):
            return False

# SPDX-License-Identifier: LGPL-2.1-or-later
"""Bearer tokens of a cluster, and when each is read or renewed."""

import asyncio
import re
import time
from collections.abc import AsyncGenerator, Callable, Generator
from pathlib import Path
from typing import NamedTuple, Protocol

import httpx

from kci_shared.channels.sightings import NoToken

RERUN_S = 10.0
"""The least time between two runs of a plugin, however many requests fail."""
MARGIN_S = 30.0
"""How long before its expiry a token is replaced: a request takes its time."""
BEARER = re.compile(r"[\x21-\x7e]+")


class Credential(NamedTuple):
    """A bearer token, and when it expires; None: when the cluster refuses it."""

    token: str
    expires: float | None
    """In seconds since the epoch."""


class TokenSource(Protocol):
    """Makes tokens."""

    async def run(self) -> Credential:
        """Return a new token; raises `NoToken`."""
        ...


def authorize(request: httpx.Request, token: str) -> httpx.Request:
    """Add a token to a request; raises `NoToken` where no header can hold it."""
    if not BEARER.fullmatch(token):  # else the HTTP library would quote it
        raise NoToken("the token is empty, or is not plain ASCII")
    request.headers["Authorization"] = f"Bearer {token}"
    return request


class Token(httpx.Auth):
    """A bearer token that stays as it is."""

    def __init__(self, token: str) -> None:
        self._token = token

    def auth_flow(
        self, request: httpx.Request
    ) -> Generator[httpx.Request, httpx.Response, None]:
        """Add the token."""
        yield authorize(request, self._token)


class TokenFile(httpx.Auth):
    """A bearer token, read for each request: the cluster changes it within the hour."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def auth_flow(
        self, request: httpx.Request
    ) -> Generator[httpx.Request, httpx.Response, None]:
        """Add the token of this moment."""
        try:
            token = self._file.read_text(errors="replace").strip()
        except OSError as error:
            raise NoToken(f"{self._file}: {error.strerror}") from error
        yield authorize(request, token)


class PluginToken(httpx.Auth):
    """A bearer token that a plugin makes, and again when it has expired."""

    def __init__(
        self, source: TokenSource, clock: Callable[[], float] = time.time
    ) -> None:
        self._source = source
        self._clock = clock
        self._lock = asyncio.Lock()
        self._credential: Credential | None = None
        self._ran_at: float | None = None

    async def async_auth_flow(
        self, request: httpx.Request
    ) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Add the token; once more with a new one if the cluster refuses it."""
        token = await self._current()
        response = yield authorize(request, token)
        if response.status_code != httpx.codes.UNAUTHORIZED:
            return
        newer = await self._current(refused=token)
        if newer != token:
            yield authorize(request, newer)

    async def _current(self, refused: str | None = None) -> str:
        """Return the token; make a new one if it has expired, or is the refused one."""
        async with self._lock:
            if self._is_stale(refused) and self._may_run():
                self._ran_at, self._credential = self._clock(), None
                self._credential = await self._source.run()
            if self._credential is None:
                raise NoToken(
                    f"the credential plugin has failed; it runs again in {RERUN_S:g} s"
                )
            return self._credential.token

    def _is_stale(self, refused: str | None) -> bool:
        if self._credential is None or self._credential.token == refused:
            return True
        expires = self._credential.expires
        return expires is not None and self._clock() >= expires - MARGIN_S

    def _may_run(self) -> bool:
        """Whether the last run is `RERUN_S` ago; the clock may have been set back."""
        since = RERUN_S if self._ran_at is None else self._clock() - self._ran_at
        return not 0 <= since < RERUN_S

# SPDX-License-Identifier: LGPL-2.1-or-later
"""An HTTP client that knows its channel, and reads its token again when it is down."""

import asyncio
from collections.abc import Callable, Generator
from typing import Any

import httpx

from kci_shared.channels.channel import About, Channel
from kci_shared.channels.sightings import (
    TABLE,
    Sighting,
    Verdict,
    of_error,
    of_response,
)
from kci_shared.errors import ChannelDown, ConfigError

MAX_QUOTE_CHARS = 200
Judge = Callable[[httpx.Response], Sighting]


class TokenAuth(httpx.Auth):
    """A token in the header `Authorization`, read at the start and by `reload`."""

    def __init__(self, read: Callable[[], str], scheme: str = "Bearer") -> None:
        self._read = read
        self._scheme = scheme
        self._header = self._current()

    def reload(self) -> None:
        """Read the token again; raises `ConfigError` if it is missing."""
        self._header = self._current()

    def _current(self) -> str:
        token = self._read()
        if not (token.isascii() and token.isprintable()):
            raise ConfigError("the token is not plain ASCII in one line")
        return f"{self._scheme} {token}"

    def auth_flow(
        self, request: httpx.Request
    ) -> Generator[httpx.Request, httpx.Response, None]:
        """Add the token."""
        request.headers["Authorization"] = self._header
        yield request


class ChannelClient(httpx.AsyncClient):
    """Sends requests while its channel is up, else raises `ChannelDown` at once.

    `probe`, a method and a path, is requested while it is down, after the token was
    read again, and the base URL by `read_url`. Answers that are the
    channel's fault raise `ChannelDown`; all others are returned, and errors raised, as
    httpx does.
    """

    def __init__(
        self,
        about: About,
        probe: tuple[str, str],
        *,
        judge: Judge = of_response,
        read_url: Callable[[], str] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self._read_url = read_url
        self.channel = Channel(about, self._probe)
        self._request = probe
        self._judge = judge

    async def send(self, request: httpx.Request, **options: Any) -> httpx.Response:
        """Send a request."""
        self.channel.require()
        return await self._send_any(request, **options)

    async def _send_any(self, request: httpx.Request, **options: Any) -> httpx.Response:
        try:
            response = await super().send(request, **options)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            sighting = of_error(error)
            if TABLE[sighting].own is not Verdict.DOWN:
                raise
            reason = f"{type(error).__name__}: {error}"
            raise self.channel.fault(sighting, reason) from error
        sighting = self._judge(response)
        if TABLE[sighting].own is not Verdict.DOWN:
            return response
        quote = _quote(response) if response.is_closed else ""
        await response.aclose()
        where = f"{request.method} {request.url.path}"
        reason = f"{where}: HTTP {response.status_code}: {sighting}{quote}"
        raise self.channel.fault(sighting, reason)

    def not_json(self, response: httpx.Response) -> ChannelDown:
        """Take the channel down: an answer is not what this peer answers."""
        where = f"{response.request.method} {response.request.url.path}"
        return self.channel.fault(Sighting.NOT_JSON, f"{where}: not JSON")

    async def _probe(self) -> None:
        if self._read_url is not None:
            self.base_url = await asyncio.to_thread(self._read_url)
        if isinstance(self.auth, TokenAuth):
            await asyncio.to_thread(self.auth.reload)
        response = await self._send_any(self.build_request(*self._request))
        if response.is_server_error:
            raise httpx.ReadError(f"HTTP {response.status_code}")


def _quote(response: httpx.Response) -> str:
    """Return how a peer explains itself, but nothing of a page."""
    if response.content.lstrip().startswith(b"{"):
        return f": {response.text[:MAX_QUOTE_CHARS]}"
    return ""

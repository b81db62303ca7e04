# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a request can meet, and whose fault it is: one table for all peers; pure.

| verdict | the fault lies with | what follows |
|---|---|---|
| `FINE` | nobody | the answer is used |
| `AGAIN` | the peer, for the moment | the same request is sent again |
| `REFUSED` | this one request | it is given up; others go on |
| `DOWN` | the channel | nothing is sent but probes, nothing is given up |
"""

import ssl
from enum import StrEnum
from http import HTTPStatus
from typing import NamedTuple

import httpx


class Verdict(StrEnum):
    """What follows from a sighting."""

    FINE = "fine"
    AGAIN = "again"
    REFUSED = "refused"
    DOWN = "down"


class Sighting(StrEnum):
    """What was seen of a peer."""

    SUCCESS = "success"
    NO_CONNECTION = "no connection"
    TLS = "TLS error"
    BAD_URL = "bad URL"
    NO_CREDENTIALS = "no credentials"
    INTERRUPTED = "interrupted"
    UNAUTHORIZED = "not logged in"
    FORBIDDEN = "not permitted"
    REDIRECT = "redirect"
    NOT_JSON = "not as this peer answers"
    GARBLED = "cannot be decoded"
    NO_ENDPOINT = "no such endpoint"
    MISSING = "not found"
    INVALID = "invalid request"
    BUSY = "busy"
    BROKEN = "server error"


class NoToken(httpx.TransportError):
    """There is no token for now, so no request can be sent."""


class Row(NamedTuple):
    """What a sighting means."""

    own: Verdict
    """Of a peer that our settings name."""
    elsewhere: Verdict
    """Of a URL that a message brought: a host of somebody else, without our token."""
    remedy: str = ""
    """What to do if it takes a channel down; `url` and `token` are settings."""


FINE, AGAIN, REFUSED, DOWN = Verdict
TABLE: dict[Sighting, Row] = {
    Sighting.SUCCESS: Row(FINE, FINE),
    Sighting.NO_CONNECTION: Row(DOWN, AGAIN, "start the server, or correct {url}"),
    Sighting.TLS: Row(
        DOWN,
        AGAIN,
        "renew the server's certificate, trust its issuer, or correct {url}",
    ),
    Sighting.BAD_URL: Row(DOWN, REFUSED, "correct {url}"),
    Sighting.NO_CREDENTIALS: Row(DOWN, REFUSED, "put a token into {token}"),
    Sighting.INTERRUPTED: Row(AGAIN, AGAIN),
    Sighting.UNAUTHORIZED: Row(DOWN, REFUSED, "put a valid token into {token}"),
    Sighting.FORBIDDEN: Row(
        DOWN, REFUSED, "give the token in {token} the missing right"
    ),
    Sighting.REDIRECT: Row(
        DOWN, REFUSED, "correct {url}: is there a login page in between?"
    ),
    Sighting.NOT_JSON: Row(DOWN, FINE, "correct {url}: another server answers there"),
    Sighting.GARBLED: Row(DOWN, REFUSED, "correct {url}: another server answers there"),
    Sighting.NO_ENDPOINT: Row(
        DOWN, REFUSED, "correct {url}: another server, or another path, answers"
    ),
    Sighting.MISSING: Row(REFUSED, REFUSED),
    Sighting.INVALID: Row(REFUSED, REFUSED),
    Sighting.BUSY: Row(AGAIN, AGAIN),
    Sighting.BROKEN: Row(AGAIN, AGAIN),
}

_BY_STATUS = {
    401: Sighting.UNAUTHORIZED,
    403: Sighting.FORBIDDEN,
    404: Sighting.MISSING,
    405: Sighting.NO_ENDPOINT,
    407: Sighting.UNAUTHORIZED,  # of a proxy
    408: Sighting.BUSY,
    410: Sighting.MISSING,
    425: Sighting.BUSY,
    429: Sighting.BUSY,
    511: Sighting.REDIRECT,  # a captive portal
}
MARGIN_BYTES = 64
"""Where a page has its first tag."""
_UNROUTED = '{"detail":"NotFound"}'
"""Without blanks: how an API of FastAPI answers to a path that it does not have."""


def of_response(response: httpx.Response) -> Sighting:
    """Return what an answer shows; its body counts only if it has been read."""
    if response.is_success:
        return Sighting.NOT_JSON if _is_page(response) else Sighting.SUCCESS
    sighting = _of_status(response.status_code)
    if sighting is Sighting.MISSING and _is_unrouted(response):
        return Sighting.NO_ENDPOINT
    return sighting


def _of_status(status: int) -> Sighting:
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Sighting.BROKEN
    return Sighting.INVALID if status >= HTTPStatus.BAD_REQUEST else Sighting.REDIRECT


def _is_page(response: httpx.Response) -> bool:
    """Whether an answer is a page for people, however it is labelled."""
    if response.is_closed:
        return response.content[:MARGIN_BYTES].lstrip().startswith(b"<")
    return "html" in response.headers.get("content-type", "")


def _is_unrouted(response: httpx.Response) -> bool:
    """Whether a 404 is about the whole endpoint, not about one thing there."""
    if response.is_closed and response.content.lstrip().startswith(b"{"):
        return "".join(response.text.split()) == _UNROUTED
    return str(response.headers.get("content-type", "")).startswith("text/")


def of_error(error: BaseException) -> Sighting:
    """Return what an error of a connection shows."""
    if _cause(error, ssl.SSLError):
        return Sighting.TLS
    match error:
        case httpx.InvalidURL() | httpx.UnsupportedProtocol():
            return Sighting.BAD_URL
        case NoToken():
            return Sighting.NO_CREDENTIALS
        case httpx.TooManyRedirects():
            return Sighting.REDIRECT
        case httpx.DecodingError():
            return Sighting.GARBLED
        case httpx.ConnectError() | httpx.ConnectTimeout() | httpx.ProxyError():
            return Sighting.NO_CONNECTION
        case httpx.HTTPError():
            return Sighting.INTERRUPTED
        case _:
            return Sighting.NO_CONNECTION


def _cause(error: BaseException | None, kind: type[BaseException]) -> bool:
    """Whether an error is of a kind, or was caused by one of it."""
    while error is not None:
        if isinstance(error, kind):
            return True
        error = error.__cause__ or error.__context__
    return False

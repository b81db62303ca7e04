# SPDX-License-Identifier: LGPL-2.1-or-later
import ssl

import httpx
import pytest

from kci_shared.channels.sightings import (
    TABLE,
    Sighting,
    Verdict,
    of_error,
    of_response,
)

HTML = "text/html; charset=utf-8"
PAGE = b"<html>Log in</html>"


def answer(
    status: int, kind: str = "application/json", content: bytes = b"{}"
) -> httpx.Response:
    return httpx.Response(status, headers={"content-type": kind}, content=content)


def test_each_sighting_has_a_row() -> None:
    assert set(TABLE) == set(Sighting)


def test_what_takes_a_channel_down_has_a_remedy_and_nothing_else() -> None:
    for row in TABLE.values():
        assert bool(row.remedy) == (row.own is Verdict.DOWN)


def test_a_host_of_somebody_else_takes_no_channel_down() -> None:
    assert Verdict.DOWN not in {row.elsewhere for row in TABLE.values()}


@pytest.mark.parametrize(
    ("response", "sighting"),
    [
        (answer(200), Sighting.SUCCESS),
        (answer(204, content=b""), Sighting.SUCCESS),
        (answer(200, HTML, PAGE), Sighting.NOT_JSON),
        (answer(200, "text/plain", PAGE), Sighting.NOT_JSON),
        (answer(200, HTML, b'{"id": "kcidb labels it so"}'), Sighting.SUCCESS),
        (answer(301), Sighting.REDIRECT),
        (answer(302, HTML, PAGE), Sighting.REDIRECT),
        (answer(307), Sighting.REDIRECT),
        (answer(400), Sighting.INVALID),
        (answer(401), Sighting.UNAUTHORIZED),
        (answer(403), Sighting.FORBIDDEN),
        (answer(404, content=b'{"detail": "node not found"}'), Sighting.MISSING),
        (answer(404, content=b'{"detail":"Not Found"}'), Sighting.NO_ENDPOINT),
        (answer(404, "text/plain", b'{"status":"notfound"}'), Sighting.MISSING),
        (answer(404, content=b""), Sighting.MISSING),
        (answer(404, HTML, PAGE), Sighting.NO_ENDPOINT),
        (answer(404, "text/plain", b"404 page not found"), Sighting.NO_ENDPOINT),
        (answer(405), Sighting.NO_ENDPOINT),
        (answer(407), Sighting.UNAUTHORIZED),
        (answer(408), Sighting.BUSY),
        (answer(409), Sighting.INVALID),
        (answer(410), Sighting.MISSING),
        (answer(413), Sighting.INVALID),
        (answer(422), Sighting.INVALID),
        (answer(425), Sighting.BUSY),
        (answer(429), Sighting.BUSY),
        (answer(500), Sighting.BROKEN),
        (answer(502, HTML, PAGE), Sighting.BROKEN),
        (answer(503), Sighting.BROKEN),
        (answer(504), Sighting.BROKEN),
        (answer(511), Sighting.REDIRECT),
    ],
    ids=lambda value: str(value),
)
def test_what_an_answer_shows(response: httpx.Response, sighting: Sighting) -> None:
    assert of_response(response) is sighting


def caused_by(cause: Exception) -> httpx.ConnectError:
    error = httpx.ConnectError("cannot connect")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "sighting"),
    [
        (httpx.ConnectError("refused"), Sighting.NO_CONNECTION),
        (httpx.ConnectTimeout("slow"), Sighting.NO_CONNECTION),
        (httpx.ProxyError("no"), Sighting.NO_CONNECTION),
        (OSError("unreachable"), Sighting.NO_CONNECTION),
        (TimeoutError(), Sighting.NO_CONNECTION),
        (caused_by(ssl.SSLCertVerificationError("expired")), Sighting.TLS),
        (httpx.UnsupportedProtocol("gopher"), Sighting.BAD_URL),
        (httpx.InvalidURL("no host"), Sighting.BAD_URL),
        (httpx.TooManyRedirects("loop"), Sighting.REDIRECT),
        (httpx.DecodingError("gzip"), Sighting.GARBLED),
        (httpx.ReadTimeout("slow"), Sighting.INTERRUPTED),
        (httpx.ReadError("reset"), Sighting.INTERRUPTED),
        (httpx.WriteError("reset"), Sighting.INTERRUPTED),
        (httpx.PoolTimeout("busy"), Sighting.INTERRUPTED),
        (httpx.RemoteProtocolError("closed"), Sighting.INTERRUPTED),
    ],
    ids=lambda value: repr(value),
)
def test_what_an_error_shows(error: Exception, sighting: Sighting) -> None:
    assert of_error(error) is sighting


@pytest.mark.parametrize(
    ("sighting", "own", "elsewhere"),
    [
        (Sighting.SUCCESS, Verdict.FINE, Verdict.FINE),
        (Sighting.NO_CONNECTION, Verdict.DOWN, Verdict.AGAIN),
        (Sighting.TLS, Verdict.DOWN, Verdict.AGAIN),
        (Sighting.BAD_URL, Verdict.DOWN, Verdict.REFUSED),
        (Sighting.NO_CREDENTIALS, Verdict.DOWN, Verdict.REFUSED),
        (Sighting.INTERRUPTED, Verdict.AGAIN, Verdict.AGAIN),
        (Sighting.UNAUTHORIZED, Verdict.DOWN, Verdict.REFUSED),
        (Sighting.FORBIDDEN, Verdict.DOWN, Verdict.REFUSED),
        (Sighting.REDIRECT, Verdict.DOWN, Verdict.REFUSED),
        (Sighting.NOT_JSON, Verdict.DOWN, Verdict.FINE),
        (Sighting.GARBLED, Verdict.DOWN, Verdict.REFUSED),
        (Sighting.NO_ENDPOINT, Verdict.DOWN, Verdict.REFUSED),
        (Sighting.MISSING, Verdict.REFUSED, Verdict.REFUSED),
        (Sighting.INVALID, Verdict.REFUSED, Verdict.REFUSED),
        (Sighting.BUSY, Verdict.AGAIN, Verdict.AGAIN),
        (Sighting.BROKEN, Verdict.AGAIN, Verdict.AGAIN),
    ],
)
def test_whose_fault_a_sighting_is(
    sighting: Sighting, own: Verdict, elsewhere: Verdict
) -> None:
    assert TABLE[sighting][:2] == (own, elsewhere)

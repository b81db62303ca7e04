# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the API says of a token, and what it means when it says nothing."""

import httpx
import pytest

from kci_shared.errors import KciError, NotLoggedIn, Unavailable
from kci_shared.identity import identify

OWNER = {"username": "me"}


def api(status: int) -> httpx.AsyncClient:
    def answer(request: httpx.Request) -> httpx.Response:
        assert request.headers["Authorization"] == "Bearer t"
        if not status:
            raise httpx.ConnectError("refused")
        return httpx.Response(status, json=OWNER)

    transport = httpx.MockTransport(answer)
    return httpx.AsyncClient(base_url="http://api", transport=transport)


async def test_the_owner_of_a_token_is_told() -> None:
    async with api(200) as client:
        assert await identify(client, "t") == OWNER


@pytest.mark.parametrize(
    ("status", "error", "message"),
    [
        (401, NotLoggedIn, "does not accept"),
        (403, NotLoggedIn, "does not accept"),
        (500, Unavailable, "500"),
        (0, Unavailable, "cannot be reached"),
    ],
)
async def test_a_token_that_is_bad_and_an_api_that_is_ill_are_two_things(
    status: int, error: type[KciError], message: str
) -> None:
    async with api(status) as client:
        with pytest.raises(error, match=message):
            await identify(client, "t")


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, html="<html>Welcome to our hotel</html>"),
        httpx.Response(302, headers={"Location": "/login"}),
    ],
    ids=["page", "redirect"],
)
async def test_what_another_server_answers_is_no_fault_of_the_token(
    answer: httpx.Response,
) -> None:
    transport = httpx.MockTransport(lambda _: answer)
    async with httpx.AsyncClient(base_url="http://api", transport=transport) as client:
        with pytest.raises(Unavailable, match="whoami"):
            await identify(client, "t")

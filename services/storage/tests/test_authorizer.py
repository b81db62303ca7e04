# SPDX-License-Identifier: LGPL-2.1-or-later
from collections.abc import AsyncIterator

import httpx
import pytest

from kci_shared.errors import NotLoggedIn, Unavailable
from kci_storage.authorizer import CACHED_S, MAX_CACHED, Authorizer


class FakeApi(httpx.AsyncBaseTransport):
    """An API that takes any token but `bad`, counts calls, and may be broken."""

    def __init__(self) -> None:
        self.asked = 0
        self.status = 200
        self.is_away = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked += 1
        if self.is_away:
            raise httpx.ConnectError("refused")
        is_bad = request.headers["Authorization"] == "Bearer bad"
        return httpx.Response(401 if is_bad else self.status, json={})


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def api() -> FakeApi:
    return FakeApi()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def authorizer(api: FakeApi, clock: Clock) -> AsyncIterator[Authorizer]:
    async with httpx.AsyncClient(transport=api, base_url="http://api") as http:
        yield Authorizer(http, clock)


async def test_a_good_token_is_asked_for_once_in_a_while(
    authorizer: Authorizer, api: FakeApi, clock: Clock
) -> None:
    await authorizer.check("Bearer good")
    await authorizer.check("Bearer good")
    assert api.asked == 1
    clock.now += CACHED_S
    await authorizer.check("Bearer good")
    assert api.asked == 2


@pytest.mark.parametrize(
    "header", ["", "good", "Basic good", "Bearer ", "Bearer a b", "Bearer é"]
)
async def test_what_is_no_token_is_not_even_asked_for(
    authorizer: Authorizer, api: FakeApi, header: str
) -> None:
    with pytest.raises(NotLoggedIn, match="Authorization: Bearer"):
        await authorizer.check(header)
    assert api.asked == 0


async def test_a_bad_token_is_refused_each_time(
    authorizer: Authorizer, api: FakeApi
) -> None:
    for _ in range(2):
        with pytest.raises(NotLoggedIn):
            await authorizer.check("Bearer bad")
    assert api.asked == 2


async def test_an_api_that_is_away_makes_the_storage_unavailable(
    authorizer: Authorizer, api: FakeApi
) -> None:
    api.is_away = True
    with pytest.raises(Unavailable):
        await authorizer.check("Bearer good")


async def test_an_api_that_is_broken_makes_the_storage_unavailable(
    authorizer: Authorizer, api: FakeApi
) -> None:
    api.status = 500
    with pytest.raises(Unavailable, match="500"):
        await authorizer.check("Bearer good")


async def test_tokens_are_not_kept_without_bound(
    authorizer: Authorizer, api: FakeApi
) -> None:
    for number in range(MAX_CACHED + 1):
        await authorizer.check(f"Bearer {number}")
    await authorizer.check("Bearer 0")
    assert api.asked == MAX_CACHED + 2

# SPDX-License-Identifier: LGPL-2.1-or-later
"""Check the tokens of uploads with the API."""

import hashlib
import re
import time
from collections.abc import Callable

import httpx

from kci_shared.errors import NotLoggedIn
from kci_shared.identity import identify

BEARER = re.compile(r"Bearer ([!-~]{1,8192})")
CACHED_S = 30.0
"""How long the API's acceptance of a token is cached."""
MAX_CACHED = 200


class Authorizer:
    """Accepts the tokens that the API accepts; caches its answers for some seconds."""

    def __init__(
        self, api: httpx.AsyncClient, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._api = api
        self._clock = clock
        self._good_until: dict[bytes, float] = {}  # by hash, so that no token is stored

    async def check(self, authorization: str) -> None:
        """Raise `NotLoggedIn` unless the header has a token that the API accepts."""
        bearer = BEARER.fullmatch(authorization)
        if bearer is None:
            raise NotLoggedIn("send the header 'Authorization: Bearer <API token>'")
        key = hashlib.sha256(authorization.encode()).digest()
        if self._good_until.get(key, 0.0) > self._clock():
            return
        await identify(self._api, bearer[1])
        if len(self._good_until) >= MAX_CACHED:
            self._good_until.clear()
        self._good_until[key] = self._clock() + CACHED_S

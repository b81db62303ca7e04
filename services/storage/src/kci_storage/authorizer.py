# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who may store an artifact: whoever the API knows."""

import hashlib
import re
import time
from collections.abc import Callable

import httpx

from kci_shared.errors import NotLoggedIn
from kci_shared.identity import identify

BEARER = re.compile(r"Bearer ([!-~]{1,8192})")
KEPT_S = 30.0
"""How long a token that the API accepted is not asked for again."""
MAX_KEPT = 200


class Authorizer:
    """Asks the API whose token it is, and remembers a good answer for some seconds."""

    def __init__(
        self, api: httpx.AsyncClient, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._api = api
        self._clock = clock
        self._good_until: dict[bytes, float] = {}  # by hash: no token is kept

    async def check(self, authorization: str) -> None:
        """Raise `NotLoggedIn` unless the header carries a token that the API takes."""
        bearer = BEARER.fullmatch(authorization)
        if bearer is None:
            raise NotLoggedIn("send the header 'Authorization: Bearer <API token>'")
        key = hashlib.sha256(authorization.encode()).digest()
        if self._good_until.get(key, 0.0) > self._clock():
            return
        await identify(self._api, bearer[1])
        if len(self._good_until) >= MAX_KEPT:
            self._good_until.clear()
        self._good_until[key] = self._clock() + KEPT_S

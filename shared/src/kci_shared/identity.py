# SPDX-License-Identifier: LGPL-2.1-or-later
"""Whose token it is that came with a request: only the API knows."""

from typing import Any

import httpx

from kci_shared.errors import NotLoggedIn, Unavailable


async def identify(api: httpx.AsyncClient, token: str) -> dict[str, Any]:
    """Return what the API says of a token's owner.

    Raises `NotLoggedIn` if the API does not take the token, `Unavailable` if the API is
    away or in trouble.
    """
    headers = {"Authorization": f"Bearer {token}"}
    try:
        answer = await api.get("/latest/whoami", headers=headers)
    except httpx.TransportError as error:
        raise Unavailable("the API, which knows the tokens, is away") from error
    if answer.status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
        raise NotLoggedIn("the API does not accept this token")
    if not answer.is_success:
        raise Unavailable(f"the API answered {answer.status_code} to /whoami")
    owner: dict[str, Any] = answer.json()
    return owner

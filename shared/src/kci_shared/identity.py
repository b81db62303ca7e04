# SPDX-License-Identifier: LGPL-2.1-or-later
"""Ask the API who owns the token of a request."""

from typing import Any

import httpx

from kci_shared.errors import NotLoggedIn, Unavailable


async def identify(api: httpx.AsyncClient, token: str) -> dict[str, Any]:
    """Return the API's description of the owner of a token.

    Raises `NotLoggedIn` if the API rejects the token, `Unavailable` if the API
    cannot be reached or fails.
    """
    headers = {"Authorization": f"Bearer {token}"}
    try:
        answer = await api.get("/latest/whoami", headers=headers)
    except httpx.HTTPError as error:
        raise Unavailable("the API, which checks tokens, cannot be reached") from error
    if answer.status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
        raise NotLoggedIn("the API does not accept this token")
    if not answer.is_success:
        raise Unavailable(f"the API answered {answer.status_code} to /whoami")
    try:
        owner: dict[str, Any] = answer.json()
    except ValueError as error:
        reason = "not JSON: the answer to /whoami; is KCI_API_URL the API's?"
        raise Unavailable(reason) from error
    return owner

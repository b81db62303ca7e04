# SPDX-License-Identifier: LGPL-2.1-or-later
"""Responses of the API, as tests read them."""

from collections.abc import Awaitable
from typing import Any

from httpx import Response

Json = dict[str, Any]


async def good(request: Awaitable[Response]) -> Any:
    """Return the body of a response, which must be a success."""
    response = await request
    assert response.is_success, response.text
    return response.json()

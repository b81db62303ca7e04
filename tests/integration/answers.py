# SPDX-License-Identifier: LGPL-2.1-or-later
"""Responses of the API, as tests read them."""

from collections.abc import Awaitable
from typing import Any

from httpx import Response

from kci_shared.models import NodeChange

Json = dict[str, Any]
CREATED_KEYS = [
    name for name in NodeChange.model_fields if not name.startswith("previous_")
]
"""The keys of the data of the event of a new node, in their order."""
USER_READ = [
    "id",
    "email",
    "is_active",
    "is_superuser",
    "is_verified",
    "username",
    "groups",
]
"""The keys of a user, in their order."""


async def good(request: Awaitable[Response]) -> Any:
    """Return the body of a response, which must be a success."""
    response = await request
    assert response.is_success, response.text
    return response.json()

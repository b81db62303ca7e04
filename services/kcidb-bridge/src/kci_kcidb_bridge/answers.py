# SPDX-License-Identifier: LGPL-2.1-or-later
"""Reads what KCIDB's REST interface answers, without trusting its content type."""

import json
from typing import Any

import httpx


def json_object(answer: httpx.Response) -> dict[str, Any]:
    """Return the JSON object in an answer; empty if it is no object."""
    try:
        body = json.loads(answer.text)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}

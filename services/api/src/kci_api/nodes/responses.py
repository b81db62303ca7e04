# SPDX-License-Identifier: LGPL-2.1-or-later
"""HTTP answers made of stored nodes: no model in between, so that reads stay cheap."""

from collections.abc import Mapping
from typing import Any

from fastapi import Response
from pydantic_core import to_json

from kci_api.nodes.answers import node_answer


def json_response(value: Any, headers: dict[str, str] | None = None) -> Response:
    """Send what is JSON already but for its form."""
    return Response(to_json(value), headers=headers, media_type="application/json")


def node_response(document: Mapping[str, Any]) -> Response:
    """Send one node, and its version for `If-Match`."""
    etag = {"ETag": f'"{document["version"]}"'}
    return json_response(node_answer(document), etag)

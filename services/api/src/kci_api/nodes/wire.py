# SPDX-License-Identifier: LGPL-2.1-or-later
"""A node in the words of the API: the fields in their order, times as text."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, get_args

from fastapi import Response
from pydantic_core import to_json

from kci_api.times import stamp
from kci_shared.models.nodes import BaseNode

DEFAULTS = {
    name: field.get_default(call_default_factory=True)
    if not field.is_required()
    else None
    for name, field in BaseNode.model_fields.items()
}
"""Of the fields of an answer: for documents that are older than a field."""
TIMES = tuple(
    name
    for name, field in BaseNode.model_fields.items()
    if datetime in (field.annotation, *get_args(field.annotation))
)


def node_answer(document: Mapping[str, Any]) -> dict[str, Any]:
    """Say a stored node in the API's words, without what is only the store's."""
    answer = {
        field: document.get(field, default) for field, default in DEFAULTS.items()
    }
    answer["id"] = str(document["_id"])
    if answer["parent"] is not None:
        answer["parent"] = str(answer["parent"])
    for field in TIMES:
        if (time := document.get(field)) is not None:
            answer[field] = stamp(time)
    if answer["claim"] is not None:
        answer["claim"] = {
            key: stamp(value) if isinstance(value, datetime) else value
            for key, value in answer["claim"].items()
        }
    return answer


def json_response(value: Any, headers: dict[str, str] | None = None) -> Response:
    """Send what is JSON already but for its form."""
    return Response(to_json(value), headers=headers, media_type="application/json")


def node_response(document: Mapping[str, Any]) -> Response:
    """Send one node, and its version for `If-Match`."""
    etag = {"ETag": f'"{document["version"]}"'}
    return json_response(node_answer(document), etag)

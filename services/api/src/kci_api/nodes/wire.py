# SPDX-License-Identifier: LGPL-2.1-or-later
"""Nodes as the API returns them.

Made from stored documents without a model in between, so that reads stay cheap.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any, get_args

from fastapi import Response
from fastapi.responses import StreamingResponse
from pydantic_core import to_json

from kci_api.times import stamp
from kci_shared.models.nodes import BaseNode

DEFAULTS = {
    name: None if field.is_required() else field.get_default(call_default_factory=True)
    for name, field in BaseNode.model_fields.items()
}
"""The fields of a response in their order; for documents older than a field."""
TIMES = tuple(
    name
    for name, field in BaseNode.model_fields.items()
    if datetime in (field.annotation, *get_args(field.annotation))
)


def node_fields(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the public fields of a stored node: ids and times as text."""
    fields = {name: document.get(name, default) for name, default in DEFAULTS.items()}
    fields["id"] = str(document["_id"])
    if fields["parent"] is not None:
        fields["parent"] = str(fields["parent"])
    for name in TIMES:
        if (time := document.get(name)) is not None:
            fields[name] = stamp(time)
    if fields["claim"] is not None:
        fields["claim"] = {
            key: stamp(value) if isinstance(value, datetime) else value
            for key, value in fields["claim"].items()
        }
    return fields


def json_response(value: Any, headers: dict[str, str] | None = None) -> Response:
    """Return a response of a value that JSON can express."""
    return Response(to_json(value), headers=headers, media_type="application/json")


def node_response(document: Mapping[str, Any]) -> Response:
    """Return a response of one node, with its version as ETag."""
    etag = {"ETag": f'"{document["version"]}"'}
    return json_response(node_fields(document), etag)


Batch = Sequence[Mapping[str, Any]]


async def streamed(batches: AsyncIterator[Batch]) -> Response:
    """Return a list of nodes that is sent batch by batch.

    The first one is read before, so that an error of the query has its status. A later
    error ends the connection, and the list has no end: no client takes it for whole.
    """
    first: Batch = await anext(batches, [])
    return StreamingResponse(_list(first, batches), media_type="application/json")


async def _list(first: Batch, rest: AsyncIterator[Batch]) -> AsyncIterator[bytes]:
    yield b"[" + _items(first)
    async for batch in rest:
        yield b"," + _items(batch)
    yield b"]"


def _items(batch: Batch) -> bytes:
    return to_json([node_fields(document) for document in batch])[1:-1]

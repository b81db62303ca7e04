# SPDX-License-Identifier: LGPL-2.1-or-later
"""HTTP routes of the key-value store."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Depends, Path
from fastapi.responses import PlainTextResponse

from kci_api.callers.auth import UnrestrictedCaller
from kci_api.dependencies import store_of
from kci_api.kv.store import ValueStore
from kci_shared.models.sizes import LongText

router = APIRouter(prefix="/kv", tags=["kv"])

PLAIN: dict[str, Any] = {"content": {"text/plain": {"schema": {"type": "string"}}}}
"""The response of this route; its errors are JSON, as everywhere."""


Values = Annotated[ValueStore, Depends(store_of(ValueStore))]
Part = Annotated[
    str, Path(pattern=r"^[^\s/\x00-\x1f]+$", max_length=200, examples=["last"])
]


@router.get("/{namespace}/{key}")
async def get_value(
    namespace: Part, key: Part, _: UnrestrictedCaller, values: Values
) -> str | None:
    """Return a value, or null if the key has none."""
    return await values.get(namespace, key)


@router.post("/{namespace}/{key}")
async def set_value(
    namespace: Part,
    key: Part,
    caller: UnrestrictedCaller,
    values: Values,
    value: Annotated[LongText | None, Body()] = None,
) -> Literal["OK"]:
    """Set a value; an empty body deletes it."""
    if value is None:
        await values.delete(namespace, key)
        return "OK"
    await values.set(namespace, key, value, caller.name)
    return "OK"


@router.delete("/{namespace}/{key}", response_model=None, responses={200: PLAIN})
async def delete_value(
    namespace: Part, key: Part, _: UnrestrictedCaller, values: Values
) -> PlainTextResponse:
    """Delete a value."""
    await values.delete(namespace, key)
    return PlainTextResponse("Key-value pair deleted successfully")

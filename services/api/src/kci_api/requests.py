# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is wrong with a request, and where: fields, ids, and what cannot be stored."""

import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from beanie import PydanticObjectId
from bson.errors import InvalidId

from kci_shared.errors import BadRequest, Invalid

DEEPEST = 40
"""How many levels the data of a node may have; MongoDB takes 100 in all."""
LARGEST_INT = 2**63 - 1
SURROGATE = re.compile("[\ud800-\udfff]")
"""Half a character: JSON can say it, UTF-8 cannot."""
Place = tuple[str | int, ...]
"""Where in a request something stands, as FastAPI names it."""


def parse_id(text: str) -> PydanticObjectId:
    """Read a node's id, or say what one looks like."""
    try:
        return PydanticObjectId(text)
    except InvalidId as error:
        raise BadRequest(str(error)) from error


def invalid(place: Place, message: str) -> Invalid:
    """Name a field of the request that is wrong, in FastAPI's shape."""
    return Invalid([{"type": "value_error", "loc": list(place), "msg": message}])


@contextmanager
def inside(*place: str | int) -> Iterator[None]:
    """Make what is invalid in a part of the request name its place in the whole."""
    try:
        yield
    except Invalid as error:
        faults: list[dict[str, Any]] = error.detail
        raise Invalid(
            [{**fault, "loc": [*place, *fault["loc"][1:]]} for fault in faults]
        ) from error


def check_storable(value: Any, place: Place) -> None:
    """Raise `Invalid` for what JSON can say and the database, or JSON, cannot."""
    if len(place) > DEEPEST:
        raise invalid(place, f"nested more than {DEEPEST} levels deep")
    match value:
        case dict():
            for key, inner in value.items():
                if key.startswith("$") or "\0" in key:
                    raise invalid(place, f"{key!r}: a key must not start with '$'")
                check_storable(key, place)
                check_storable(inner, (*place, key))
        case list():
            for number, inner in enumerate(value):
                check_storable(inner, (*place, number))
        case str() if SURROGATE.search(value):
            raise invalid(place, "not a valid string: half of a surrogate pair")
        case float() if not math.isfinite(value):
            raise invalid(place, "not a finite number")
        case int() if abs(value) > LARGEST_INT:
            raise invalid(place, "an integer must fit into 64 bits; send a string")

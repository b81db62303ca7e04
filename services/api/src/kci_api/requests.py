# SPDX-License-Identifier: LGPL-2.1-or-later
"""Errors that name the field of a request, and checks of what can be stored."""

import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

from beanie import PydanticObjectId
from bson.errors import InvalidId
from pydantic import Field

from kci_shared.errors import BadRequest, Invalid
from kci_shared.models.sizes import MAX_INTEGER, Text

MAX_NESTING = 40
"""Of the maps in a node, in levels; MongoDB allows 100 for the whole document."""
SURROGATE = re.compile("[\ud800-\udfff]")
"""Half of a character: JSON can escape it, UTF-8 cannot encode it."""
MAX_MAP_VALUES = 20_000
"""Of the maps in a node: to check them takes a tenth of a second."""
PathId = Annotated[Text, Field(max_length=100)]
"""An id in a path; `parse_id` says whether it is one."""
Location = tuple[str | int, ...]
"""The path of a field in a request, such as `("body", "data", "arch")`."""


def parse_id(text: str) -> PydanticObjectId:
    """Return the id that a text stands for; `BadRequest` if it is not an id."""
    try:
        return PydanticObjectId(text)
    except InvalidId as error:
        raise BadRequest(str(error)) from error


def invalid(location: Location, message: str) -> Invalid:
    """Return the error for one field of a request, in FastAPI's format."""
    return Invalid([{"type": "value_error", "loc": list(location), "msg": message}])


@contextmanager
def located_at(*location: str | int) -> Iterator[None]:
    """Prefix the locations of errors in one part of a body with that part's own."""
    try:
        yield
    except Invalid as error:
        errors: list[dict[str, Any]] = error.detail
        raise Invalid(
            [{**one, "loc": [*location, *one["loc"][1:]]} for one in errors]
        ) from error


def check_storable(value: Any, location: Location) -> None:
    """Raise `Invalid` for a JSON value that MongoDB, or a response, cannot express."""
    _check_number_of_values(value, location)
    _check_values(value, location)


def _check_number_of_values(value: Any, location: Location) -> None:
    """Raise `Invalid` for too many values, before time is spent on each of them."""
    left = MAX_MAP_VALUES
    containers = [value]
    while containers:
        container = containers.pop()
        if not isinstance(container, (dict, list)):
            continue
        left -= len(container)
        if left < 0:
            raise invalid(location, f"more than {MAX_MAP_VALUES} values")
        inner = container.values() if isinstance(container, dict) else container
        containers += [one for one in inner if isinstance(one, (dict, list))]


def _check_values(value: Any, location: Location) -> None:
    if len(location) > MAX_NESTING:
        raise invalid(location, f"nested more than {MAX_NESTING} levels deep")
    match value:
        case dict():
            for key, inner in value.items():
                if key.startswith("$") or "\0" in key:
                    raise invalid(
                        location,
                        f"{key!r}: a key must have neither '$' first nor a zero byte",
                    )
                _check_values(key, location)
                _check_values(inner, (*location, key))
        case list():
            for number, inner in enumerate(value):
                _check_values(inner, (*location, number))
        case str() if SURROGATE.search(value):
            raise invalid(location, "not a valid string: half of a surrogate pair")
        case float() if not math.isfinite(value):
            raise invalid(location, "not a finite number")
        case int() if abs(value) > MAX_INTEGER:
            raise invalid(location, "an integer must fit into 64 bits; send a string")

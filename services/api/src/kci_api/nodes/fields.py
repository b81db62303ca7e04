# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which fields a query may name, and how the text of a query becomes their value."""

import re
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Union, get_args, get_origin

from beanie import PydanticObjectId
from pydantic import BaseModel

from kci_api.nodes.stored import INTERNAL, StoredNode
from kci_api.requests import LARGEST_INT, parse_id
from kci_api.times import parse_time
from kci_shared.models.data import DATA

EQUALITY = frozenset({"", "ne", "in", "nin"})
ORDER = EQUALITY | {"lt", "lte", "gt", "gte"}


@dataclass(frozen=True)
class Type:
    """What the values of a field are: how they are read, and compared."""

    read: Callable[[str], Any]
    operators: frozenset[str]
    words: tuple[str, ...] = ()
    """All that there are, if they are few."""


def _number(text: str) -> int:
    if not re.fullmatch(r"[+-]?[0-9]{1,19}", text) or abs(int(text)) > LARGEST_INT:
        raise ValueError("not an integer of 64 bits")
    return int(text)


def _truth(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError("neither true nor false")
    return text == "true"


def _word(vocabulary: type[StrEnum]) -> Type:
    def read(text: str) -> str:
        if text not in list(vocabulary):
            raise ValueError(f"not one of {', '.join(vocabulary)}")
        return text

    return Type(read, EQUALITY, tuple(vocabulary))


TEXT = Type(str, ORDER | {"re"})
NUMBER = Type(_number, ORDER | {"int"})
TRUTH = Type(_truth, EQUALITY)
TIME = Type(parse_time, ORDER)
ID = Type(parse_id, ORDER)
TYPES: dict[Any, Type] = {
    str: TEXT,
    int: NUMBER,
    bool: TRUTH,
    datetime: TIME,
    PydanticObjectId: ID,
}


def _of_model(model: type[BaseModel], prefix: str) -> Iterator[tuple[str, Type]]:
    """Walk the fields of a model, and of the models in them."""
    for name, field in model.model_fields.items():
        for inner in _inner_types(field.annotation):
            if inner in TYPES:
                yield f"{prefix}{name}", TYPES[inner]
            elif not isinstance(inner, type):
                continue
            elif issubclass(inner, BaseModel):
                yield from _of_model(inner, f"{prefix}{name}.")
            elif issubclass(inner, StrEnum):
                yield f"{prefix}{name}", _word(inner)


def _inner_types(annotation: Any) -> Iterator[Any]:
    """Yield what an optional value, or an item of a list, may be."""
    if get_origin(annotation) in (Union, types.UnionType, list):
        for inner in get_args(annotation):
            yield from _inner_types(inner)
    else:
        yield annotation


FIELDS: dict[str, Type] = {
    "claim": TEXT,
    **{
        name: found
        for name, found in _of_model(StoredNode, "")
        if name.partition(".")[0] not in INTERNAL
    },
    **{
        name: found
        for model in DATA.values()
        for name, found in _of_model(model, "data.")
    },
}
OPEN = (
    (re.compile(r"path\.[0-9]{1,3}"), TEXT),
    (re.compile(r"artifacts\.[A-Za-z0-9_-]{1,100}"), TEXT),
)
SORTABLE = frozenset({"id", "created"})
"""What an index has in order."""


def field_type(name: str) -> Type | None:
    """Return what the values of a field are, or None if no query may name it."""
    for pattern, found in OPEN:
        if pattern.fullmatch(name):
            return found
    return FIELDS.get(name)

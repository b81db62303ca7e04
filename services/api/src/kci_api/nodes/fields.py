# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which fields a query may name, with their types: derived from the models of nodes."""

import re
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Union, get_args, get_origin

from beanie import PydanticObjectId
from pydantic import BaseModel

from kci_api.nodes.operators import EQUALITY, INTEGER, ORDER, PATTERN
from kci_api.nodes.stored import INTERNAL, StoredNode
from kci_api.requests import parse_id
from kci_api.times import parse_time
from kci_shared.models.data import DATA
from kci_shared.models.sizes import MAX_INTEGER


@dataclass(frozen=True)
class FieldType:
    """How the values of a field are parsed and compared."""

    parse: Callable[[str], Any]
    """Raises `ValueError` for text that is no value."""
    operators: frozenset[str]
    vocabulary: tuple[str, ...] = ()
    """All values, if they are the members of an enum."""


def _number(text: str) -> int:
    if not re.fullmatch(r"[+-]?[0-9]{1,19}", text) or abs(int(text)) > MAX_INTEGER:
        raise ValueError("not an integer of 64 bits")
    return int(text)


def _boolean(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError("neither true nor false")
    return text == "true"


def _member_of(enum: type[StrEnum]) -> FieldType:
    def parse(text: str) -> str:
        if text not in list(enum):
            raise ValueError(f"not one of {', '.join(enum)}")
        return text

    return FieldType(parse, EQUALITY, tuple(enum))


TEXT = FieldType(str, ORDER | {PATTERN})
TYPES: dict[Any, FieldType] = {
    str: TEXT,
    int: FieldType(_number, ORDER | {INTEGER}),
    bool: FieldType(_boolean, EQUALITY),
    datetime: FieldType(parse_time, ORDER),
    PydanticObjectId: FieldType(parse_id, ORDER),
}


def _fields_of(model: type[BaseModel], prefix: str) -> Iterator[tuple[str, FieldType]]:
    """Yield the fields of a model, and of the models in them, by their dotted names."""
    for name, field in model.model_fields.items():
        for inner in _inner_types(field.annotation):
            if inner in TYPES:
                yield f"{prefix}{name}", TYPES[inner]
            elif not isinstance(inner, type):
                continue
            elif issubclass(inner, BaseModel):
                yield from _fields_of(inner, f"{prefix}{name}.")
            elif issubclass(inner, StrEnum):
                yield f"{prefix}{name}", _member_of(inner)


def _inner_types(annotation: Any) -> Iterator[Any]:
    """Yield the members of a union, and the types of a list's items."""
    if get_origin(annotation) in (Union, types.UnionType, list):
        for inner in get_args(annotation):
            yield from _inner_types(inner)
    else:
        yield annotation


FIELDS: dict[str, FieldType] = {
    "claim": TEXT,  # to ask for null: nodes without a claim
    "imported": TYPES[int],  # to ask for null: nodes that were not imported
    "data.findings": TEXT,  # to ask for null: nodes whose log was not read
    **{
        name: kind
        for name, kind in _fields_of(StoredNode, "")
        if name.partition(".")[0] not in INTERNAL
    },
    **{
        name: kind
        for model in DATA.values()
        for name, kind in _fields_of(model, "data.")
    },
}
PATTERNS = (
    re.compile(r"path\.[0-9]{1,3}"),
    re.compile(r"artifacts\.[A-Za-z0-9_-]{1,100}"),
)
"""Of further fields, all of text: items of a list, and values of a map."""
SORTABLE = frozenset({"id", "created"})
"""The fields by which an index sorts."""


def field_type(name: str) -> FieldType | None:
    """Return the type of a field; None if a query may not name it."""
    if any(pattern.fullmatch(name) for pattern in PATTERNS):
        return TEXT
    return FIELDS.get(name)

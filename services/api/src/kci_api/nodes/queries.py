# SPDX-License-Identifier: LGPL-2.1-or-later
"""From `field__op=value` to what the database is asked: listed words only."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from kci_api.nodes.fields import SORTABLE, Type, field_type
from kci_api.requests import invalid
from kci_shared.errors import Invalid

LONGEST_RE = 200
MOST_VALUES = 1000
NAMES = {"id": "_id"}
MONGO = {"": "$eq", "int": "$eq", "re": "$regex"}
OLDEST_FIRST = [("_id", 1)]


@dataclass(frozen=True)
class NodeQuery:
    """What a caller asks of the nodes, and which page of the answer."""

    filter: dict[str, Any]
    sort: list[tuple[str, int]]
    limit: int
    offset: int


def parse_filter(parameters: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Return the filter; of a parameter that is repeated the last one counts."""
    found: dict[str, dict[str, Any]] = {}
    for key, text in dict(parameters).items():
        name, _, operator = key.partition("__")
        kind = field_type(name)
        if kind is None:
            raise _bad(key, f"{name!r} is not a field that can be asked for")
        if operator not in kind.operators:
            allowed = ", ".join(sorted(kind.operators - {""}))
            raise _bad(key, f"{operator!r} is not an operator of {name}; use {allowed}")
        try:
            value = _value(operator, text, kind)
        except ValueError as error:
            raise _bad(key, f"{text[:100]!r}: {error}") from error
        condition = found.setdefault(NAMES.get(name, name), {})
        _add(condition, MONGO.get(operator, f"${operator}"), value, kind)
    return {name: _plain(condition) for name, condition in found.items()}


def _plain(condition: dict[str, Any]) -> Any:
    # the embedded server finds an index for a bare value, not for {"$eq": value}
    return condition["$eq"] if condition.keys() == {"$eq"} else condition


def _add(condition: dict[str, Any], operator: str, value: Any, kind: Type) -> None:
    """Add to what is asked of a field; of few words one is all but the others."""
    if operator == "$ne" and kind.words:
        operator, value = "$in", [w for w in (*kind.words, None) if w != value]
    if operator == "$in" and operator in condition:
        value = [one for one in value if one in condition[operator]]
    condition[operator] = value


def _value(operator: str, text: str, kind: Type) -> Any:
    if operator == "re":
        return _expression(text)
    if operator in ("in", "nin"):
        texts = text.split(",")
        if len(texts) > MOST_VALUES:
            raise ValueError(f"more than {MOST_VALUES} values")
        return [_one(each, kind) for each in texts]
    return _one(text, kind)


def _one(text: str, kind: Type) -> Any:
    return None if text == "null" else kind.read(text)


def _expression(text: str) -> str:
    if len(text) > LONGEST_RE:
        raise ValueError(f"a regular expression of more than {LONGEST_RE} characters")
    if "\0" in text:
        raise ValueError("a regular expression with a zero byte")
    try:
        re.compile(text)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"not a regular expression: {error}") from error
    return text


def parse_sort(text: str | None) -> list[tuple[str, int]]:
    """Return the order of the answer: that of creation, unless another is asked for."""
    if text is None:
        return OLDEST_FIRST
    name = text.removeprefix("-")
    if name not in SORTABLE:
        allowed = ", ".join(sorted(SORTABLE))
        raise _bad("sort", f"{name!r} has no index to sort by; use {allowed}")
    direction = -1 if text.startswith("-") else 1
    field = NAMES.get(name, name)
    tail = [] if field == "_id" else [("_id", direction)]
    return [(field, direction), *tail]


def _bad(key: str, message: str) -> Invalid:
    return invalid(("query", key), message)

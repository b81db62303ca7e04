# SPDX-License-Identifier: LGPL-2.1-or-later
"""Translate `field__op=value` into MongoDB queries, of listed fields and operators."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from kci_api.nodes.fields import SORTABLE, FieldType, field_type
from kci_api.nodes.operators import PATTERN, mongo_operator
from kci_api.nodes.patterns import check_pattern
from kci_api.requests import invalid
from kci_shared.errors import Invalid

MAX_ALTERNATIVES = 1000
STORED_NAMES = {"id": "_id"}
"""Where they differ from the names in the query."""
OLDEST_FIRST = [("_id", 1)]


@dataclass(frozen=True)
class NodeQuery:
    """Which nodes, in which order, and which page of them."""

    filter: dict[str, Any]
    sort: list[tuple[str, int]]
    limit: int
    offset: int


def parse_filter(parameters: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Return the filter; of a repeated parameter the last one counts."""
    conditions: dict[str, dict[str, Any]] = {}
    for key, text in dict(parameters).items():
        name, _, operator = key.partition("__")
        kind = field_type(name)
        if kind is None:
            raise _invalid_parameter(key, f"unknown field {name!r}")
        if operator not in kind.operators:
            allowed = ", ".join(sorted(kind.operators - {""}))
            message = f"{name} has no operator {operator!r}; use one of {allowed}"
            raise _invalid_parameter(key, message)
        try:
            value = _value(operator, text, kind)
        except ValueError as error:
            raise _invalid_parameter(key, f"{text[:100]!r}: {error}") from error
        condition = conditions.setdefault(STORED_NAMES.get(name, name), {})
        _add(condition, mongo_operator(operator), value, kind)
    return {name: _simplified(one) for name, one in conditions.items()}


def _simplified(condition: dict[str, Any]) -> Any:
    # the embedded server finds an index for a bare value, not for {"$eq": value}
    return condition["$eq"] if condition.keys() == {"$eq"} else condition


def _add(condition: dict[str, Any], operator: str, value: Any, kind: FieldType) -> None:
    """Add an operator to the condition of a field.

    An index serves "one of the other values", but not "not this value".
    """
    if operator == "$ne" and kind.vocabulary:
        operator = "$in"
        value = [word for word in (*kind.vocabulary, None) if word != value]
    if operator == "$in" and operator in condition:
        value = [one for one in value if one in condition[operator]]
    condition[operator] = value


def _value(operator: str, text: str, kind: FieldType) -> Any:
    if operator == PATTERN:
        check_pattern(text)
        return text
    if operator in ("in", "nin"):
        texts = text.split(",")
        if len(texts) > MAX_ALTERNATIVES:
            raise ValueError(f"more than {MAX_ALTERNATIVES} values")
        return [_one(each, kind) for each in texts]
    return _one(text, kind)


def _one(text: str, kind: FieldType) -> Any:
    return None if text == "null" else kind.parse(text)


def parse_sort(text: str | None) -> list[tuple[str, int]]:
    """Return the order of the answer: by creation unless another is requested."""
    if text is None:
        return OLDEST_FIRST
    name = text.removeprefix("-")
    if name not in SORTABLE:
        allowed = ", ".join(sorted(SORTABLE))
        message = f"{name!r} has no index to sort by; use {allowed}"
        raise _invalid_parameter("sort", message)
    direction = -1 if text.startswith("-") else 1
    field = STORED_NAMES.get(name, name)
    tail = [] if field == "_id" else [("_id", direction)]
    return [(field, direction), *tail]


def _invalid_parameter(key: str, message: str) -> Invalid:
    return invalid(("query", key), message)

# SPDX-License-Identifier: LGPL-2.1-or-later
"""Queries of nodes in memory: `field__op=value`, read as the API reads them."""

import re
from collections.abc import Callable, Iterable
from datetime import datetime
from operator import ge, gt, le, lt
from typing import Any

from kci_shared.errors import Invalid
from kci_shared.models import NODE, Node
from kci_shared.models.nodes import BaseNode

ORDERED: dict[str, Callable[[Any, Any], bool]] = {
    "lt": lt,
    "lte": le,
    "gt": gt,
    "gte": ge,
}
OPERATORS = {"", "int", "ne", "in", "nin", "re", *ORDERED}
SORTABLE = ("id", "created")
PAGE = ("limit", "offset", "sort")
DEFAULT_LIMIT = 100


def select(nodes: Iterable[Node], query: dict[str, Any]) -> list[Node]:
    """Return the nodes that match, in the order and of the page that is asked for.

    Raises `Invalid` for a field or an operator that the API does not know.
    """
    filters = {key: _text(query[key]) for key in query if key not in PAGE}
    for key in filters:
        _check(key)
    matching = [node for node in nodes if matches(node, filters)]
    if "sort" in query:
        matching = _sorted(matching, str(query["sort"]))
    offset, limit = int(query.get("offset", 0)), query.get("limit")
    return matching[offset:] if limit is None else matching[offset:][: int(limit)]


def matches(node: Node, filters: dict[str, str]) -> bool:
    """Tell whether a node matches all filters."""
    fields = NODE.dump_python(node)
    return all(_matches(fields, key, text) for key, text in filters.items())


def _matches(fields: dict[str, Any], key: str, text: str) -> bool:
    name, _, operator = key.partition("__")
    value = _value(fields, name)
    # an array matches by any of its elements
    values = value if isinstance(value, list) else [value]
    match operator:
        case "" | "int":
            return any(_equals(one, text) for one in values)
        case "ne":
            return not any(_equals(one, text) for one in values)
        case "in":
            return any(_equals(one, part) for one in values for part in text.split(","))
        case "nin":
            return not any(
                _equals(one, part) for one in values for part in text.split(",")
            )
        case "re":
            return any(isinstance(one, str) and re.search(text, one) for one in values)
        case _:
            return any(_compares(operator, one, text) for one in values)


def _check(key: str) -> None:
    name, _, operator = key.partition("__")
    if name.partition(".")[0] not in {*BaseNode.model_fields, "imported"}:
        raise _invalid(key, f"{name!r} cannot be queried")
    if operator not in OPERATORS:
        raise _invalid(key, f"{operator!r} is not an operator of {name}")


def _value(fields: dict[str, Any], name: str) -> Any:
    first, *rest = name.split(".")
    value = fields.get(first)
    for part in rest:
        if isinstance(value, list) and part.isdigit():
            value = value[int(part)] if int(part) < len(value) else None
        else:
            value = value.get(part) if isinstance(value, dict) else None
    return value


def _equals(value: Any, text: str) -> bool:
    if isinstance(value, datetime) and text != "null":
        return value == datetime.fromisoformat(text)
    return _text(value) == text


def _compares(operator: str, value: Any, text: str) -> bool:
    if value is None:
        return False
    if isinstance(value, datetime):
        return ORDERED[operator](value, datetime.fromisoformat(text))
    if isinstance(value, int | float):
        return ORDERED[operator](value, float(text))
    return ORDERED[operator](str(value), text)


def _text(value: Any) -> str:
    """Write a value as a query's parameter is written."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _sorted(nodes: list[Node], sort: str) -> list[Node]:
    name = sort.removeprefix("-")
    if name not in SORTABLE:
        raise _invalid("sort", f"{name!r} has no index to sort by")
    return sorted(
        nodes,
        key=lambda node: (getattr(node, name), node.id),
        reverse=sort.startswith("-"),
    )


def _invalid(key: str, message: str) -> Invalid:
    return Invalid([{"type": "value_error", "loc": ["query", key], "msg": message}])
